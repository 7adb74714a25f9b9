package tap

import (
	"net/netip"
	"runtime"
	"sync"
	"time"

	"hiroba/sfu/media"
)

// DefaultInterval is how often a Hub looks at its sockets.
const DefaultInterval = 4 * time.Millisecond

// Config says how a Hub works. The zero value is good.
type Config struct {
	// Interval is how often the sockets are looked at: DefaultInterval. A longer one costs less and needs larger
	// buffers. Where the system does not tell when a packet came, sockets are read as packets come.
	Interval time.Duration
	// Readers is the number of goroutines that read: one for two processors.
	Readers int
	// NoGRO leaves runs of packets apart.
	NoGRO bool
}

// Hub reads many sockets.
type Hub struct {
	cfg     Config
	readers []*reader
	next    int // reader
	mu      sync.Mutex
	wg      sync.WaitGroup
	done    chan struct{}
	once    sync.Once
}

// latencies has a histogram for each kind of media.
type latencies struct{ audio, video Histogram }

func (l *latencies) of(k media.Kind) *Histogram {
	if k == media.Audio {
		return &l.audio
	}
	return &l.video
}

// NewHub starts the readers.
func NewHub(cfg Config) (*Hub, error) {
	if cfg.Interval <= 0 {
		cfg.Interval = DefaultInterval
	}
	if cfg.Readers <= 0 {
		cfg.Readers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	h := &Hub{cfg: cfg, done: make(chan struct{})}
	for range cfg.Readers {
		r, err := newReader(h)
		if err != nil {
			_ = h.Close()
			return nil, err
		}
		h.readers = append(h.readers, r)
		h.wg.Go(r.run)
	}
	return h, nil
}

// Open opens a socket on a local address, on a free port.
func (h *Hub) Open(local netip.Addr, options Options) (*Socket, error) {
	h.mu.Lock()
	r := h.readers[h.next%len(h.readers)]
	h.next++
	h.mu.Unlock()
	return r.open(local, options)
}

// Latency is the time on the way of all packets of a kind so far, where it is known: from a publisher's hands to the
// arrival in this machine's kernel.
func (h *Hub) Latency(k media.Kind) Histogram {
	var sum Histogram
	for _, r := range h.readers {
		r.mu.Lock()
		sum.Add(r.latencies.of(k))
		r.mu.Unlock()
	}
	return sum
}

// Close stops the readers. Close the sockets first.
func (h *Hub) Close() error {
	h.once.Do(func() { close(h.done) })
	h.wg.Wait()
	var err error
	for _, r := range h.readers {
		if e := r.close(); e != nil {
			err = e
		}
	}
	return err
}

// drop forgets a socket and closes it.
func (h *Hub) drop(s *Socket) error { return s.conn.close() }
