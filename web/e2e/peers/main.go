// Command peers fills rooms for the browser tests: it joins synthetic participants, each with a picture of one colour
// and a tone, as it is told on its standard input. Each line there is a request in JSON, answered by one line of JSON on
// standard output, in the order of completion. It ends with its input.
//
//	{"id":1,"do":"join","peer":"ben","server":"http://127.0.0.1:8080","room":"tea","name":"Ben","codec":"vp8",
//	 "colour":[145,54,34],"tone":2}
//	{"id":1}
//	{"id":2,"do":"mute","peer":"ben","source":"camera","muted":true}
//	{"id":2}
//	{"id":3,"do":"leave","peer":"zoe"}
//	{"id":3,"error":"no peer zoe"}
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

// patience bounds each request.
const patience = 20 * time.Second

// request is one line of input. Which fields matter depends on what is to be done.
type request struct {
	ID   int    `json:"id"`
	Do   string `json:"do"` // join, mute, leave (with a farewell), vanish (without)
	Peer string `json:"peer"`

	// For join.
	Server string `json:"server"`
	Room   string `json:"room"`
	Name   string `json:"name"`
	// Codec is that of the camera: vp8, vp9, h264 or av1; without one there is no camera.
	Codec string `json:"codec"`
	// Colour is that of the picture, as Y, Cb, Cr; only VP8 comes in any colour.
	Colour [3]uint8 `json:"colour"`
	// Tone is one of synthetic's; without one there is no microphone.
	Tone *int `json:"tone"`

	// For mute.
	Source protocol.Source `json:"source"`
	Muted  bool            `json:"muted"`
}

// reply is one line of output.
type reply struct {
	ID    int    `json:"id"`
	Error string `json:"error,omitempty"`
}

func main() {
	p := &peers{clients: make(map[string]*client.Client)}
	var output sync.Mutex
	var requests sync.WaitGroup
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "peers: read request:", err)
			os.Exit(2)
		}
		requests.Go(func() {
			answer := reply{ID: r.ID}
			if err := p.do(r); err != nil {
				answer.Error = err.Error()
			}
			output.Lock()
			defer output.Unlock()
			if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
				fmt.Fprintln(os.Stderr, "peers: write reply:", err)
			}
		})
	}
	requests.Wait()
	p.close()
}

// peers are the participants that are in rooms now.
type peers struct {
	mu      sync.Mutex // guards what follows
	clients map[string]*client.Client
}

func (p *peers) do(r request) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if r.Do == "join" {
		return p.join(ctx, r)
	}
	p.mu.Lock()
	c := p.clients[r.Peer]
	p.mu.Unlock()
	if c == nil {
		return fmt.Errorf("no peer %s", r.Peer)
	}
	switch r.Do {
	case "mute":
		return c.SetMuted(r.Source, r.Muted)
	case "leave":
		p.forget(r.Peer)
		return c.Leave(ctx)
	case "vanish":
		p.forget(r.Peer)
		c.Close()
		return nil
	default:
		return fmt.Errorf("cannot do %q", r.Do)
	}
}

// join returns when the peer's media is connected.
func (p *peers) join(ctx context.Context, r request) error {
	cfg := client.Config{
		// They only send: receiving is what the browsers are there for.
		URL: r.Server, Room: r.Room, Name: r.Name, Seats: -1, NoDataChannels: true, CountOnly: true,
	}
	if r.Codec != "" {
		picture, err := pictureOf(r)
		if err != nil {
			return err
		}
		cfg.Publish = append(cfg.Publish, client.Camera(picture))
	}
	if r.Tone != nil {
		cfg.Publish = append(cfg.Publish, client.Microphone(synthetic.NewTone(*r.Tone)))
	}
	if len(cfg.Publish) == 0 {
		return errors.New("neither codec nor tone")
	}
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	if err := c.Connected(ctx); err != nil {
		c.Close()
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[r.Peer] = c
	return nil
}

func pictureOf(r request) (synthetic.Source, error) {
	switch r.Codec {
	case "vp8":
		y, cb, cr := r.Colour[0], r.Colour[1], r.Colour[2]
		return synthetic.NewVP8(synthetic.VP8Config{Colour: synthetic.Colour{Y: y, Cb: cb, Cr: cr}}), nil
	case "vp9":
		return synthetic.NewVP9(), nil
	case "h264":
		return synthetic.NewH264(), nil
	case "av1":
		return synthetic.NewAV1(), nil
	default:
		return nil, fmt.Errorf("no codec %q", r.Codec)
	}
}

func (p *peers) forget(peer string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, peer)
}

func (p *peers) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.Close()
	}
}
