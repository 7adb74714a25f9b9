package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"hiroba/sfu"
	"hiroba/signaling/protocol"
)

// Config says how rooms are kept. What is zero gets a default.
type Config struct {
	// Engine is the media plane. Without one, rooms have no media and refuse every offer.
	Engine *sfu.Engine
	// Limits are told to clients and enforced; the zero value is DefaultLimits.
	Limits protocol.Limits
	// MaxRooms bounds the rooms of the server, MaxParticipants the people of one room.
	MaxRooms, MaxParticipants int
	// Seats is how many seats a client's first offer should have.
	Seats int
	// SessionGrace is how long a session waits for a lost WebSocket or failed media to come back.
	SessionGrace time.Duration
	// RoomGrace is how long an empty room keeps its chat.
	RoomGrace time.Duration
	// ICEServers makes what a participant's Welcome says of TURN servers; nil is none. It must neither block nor call back.
	ICEServers func(now time.Time, who protocol.ParticipantID, by Reached) []protocol.ICEServer
	// Headroom says why nobody new should be let in now, or nil. Who comes back is let in without asking. It must neither
	// block nor call back.
	Headroom func() error
	// ServerName is the software and version that clients are told.
	ServerName string
	// Log is the parent of all loggers; nil discards.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Limits == (protocol.Limits{}) {
		c.Limits = DefaultLimits()
	}
	orInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	orInt(&c.MaxRooms, defaultMaxRooms)
	orInt(&c.MaxParticipants, defaultMaxParticipants)
	orInt(&c.Seats, defaultSeats)
	c.Seats = min(c.Seats, c.Limits.Seats)
	if c.SessionGrace <= 0 {
		c.SessionGrace = defaultSessionGrace
	}
	if c.RoomGrace <= 0 {
		c.RoomGrace = defaultRoomGrace
	}
	if c.ServerName == "" {
		c.ServerName = "hiroba"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Registry finds rooms by name and sessions by secret. All methods may be called from any goroutine.
type Registry struct {
	cfg      Config
	rules    rules
	media    mediaPlane
	counters counters

	// mu guards what follows. It is held for a lookup or a change of the maps only.
	mu       sync.Mutex
	rooms    map[string]*room
	sessions map[secretHash]session
	closing  bool
	drain    *Drain
	// maxRooms and maxParticipants are those of cfg, until SetLimits.
	maxRooms, maxParticipants int
}

// NewRegistry makes a registry without rooms. They come with the first who joins.
func NewRegistry(cfg Config) *Registry {
	var plane mediaPlane
	if cfg.Engine != nil {
		plane = engine{cfg.Engine}
	}
	return newRegistry(cfg, plane)
}

func newRegistry(cfg Config, plane mediaPlane) *Registry {
	cfg = cfg.withDefaults()
	if plane == nil {
		plane = noMedia{}
	}
	return &Registry{
		cfg: cfg,
		rules: rules{
			limits:          cfg.Limits,
			maxParticipants: cfg.MaxParticipants,
			seats:           cfg.Seats,
			sessionGrace:    cfg.SessionGrace,
			roomGrace:       cfg.RoomGrace,
			iceServers:      cfg.ICEServers,
			serverName:      cfg.ServerName,
		},
		media:    plane,
		counters: newCounters(),
		rooms:    make(map[string]*room),
		sessions: make(map[secretHash]session),

		maxRooms:        cfg.MaxRooms,
		maxParticipants: cfg.MaxParticipants,
	}
}

// noMedia is the media plane of rooms that have none.
type noMedia struct{}

func (noMedia) newPeer(peerConfig) (mediaPeer, error) { return nil, errors.New("no media plane") }
func (noMedia) forget(protocol.ParticipantID)         {}

// JoinRequest says who joins which room.
type JoinRequest struct {
	Room, Name string
	// Replaces is the secret of an earlier session of the same person in this room, or empty. One that is not known any
	// more is no error.
	Replaces string
	// Client gets the Welcome before Join returns, and everything after it.
	Client Client
	// Loopback says that the client is on this machine.
	Loopback bool
	// Reached is how the client got to the server.
	Reached Reached
	// Trail follows the join; nil is NoTrail.
	Trail Trail
}

// Reached is the address by which a client got to the server: what it uses works for it.
type Reached struct {
	// Host is a name or an IP address; empty when it is not known.
	Host string
	// Port is the port of TCP there.
	Port uint16
	// Direct says that no proxy is known to stand before the server, so that whatever else comes to Host and Port comes here,
	// too.
	Direct bool
}

// Join lets somebody into a room, which is made when there is none of this name. It waits for the room's answer, which
// takes no input or output.
func (r *Registry) Join(req JoinRequest) (*Member, error) {
	member, err := r.join(req)
	if err != nil {
		r.counters.refused(CodeOf(err))
		return nil, fmt.Errorf("join: %w", err)
	}
	r.counters.joins.Add(1)
	return member, nil
}

func (r *Registry) join(req JoinRequest) (*Member, error) {
	var err error
	if req.Room, err = checkRoom(req.Room, r.cfg.Limits.RoomChars); err != nil {
		return nil, err
	}
	if req.Name, err = checkName(req.Name, r.cfg.Limits.NameChars); err != nil {
		return nil, err
	}
	for {
		rm, replaces, err := r.enter(req.Room, req.Replaces)
		if err != nil {
			return nil, err
		}
		member, err := ask(rm, "", func(now time.Time) (*Member, error) { return rm.admit(now, req, replaces) })
		if !errors.Is(err, errGone) { // a room that vanished this moment has made way for a new one
			return member, err
		}
		<-rm.done
	}
}

// Resume hands the session with this secret over to c, which gets a Welcome before Resume returns. The former client
// gets its Bye.
func (r *Registry) Resume(secret string, c Client) (*Member, error) {
	r.mu.Lock()
	s, known := r.sessions[hashSecret(secret)]
	r.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("resume: %w", ErrNoSession)
	}
	member, err := ask(s.room, s.participant, func(now time.Time) (*Member, error) {
		return s.room.readmit(now, s.participant, c)
	})
	if err != nil {
		if errors.Is(err, errGone) {
			err = ErrNoSession
		}
		return nil, fmt.Errorf("resume: %w", err)
	}
	r.counters.resumes.Add(1)
	return member, nil
}

// Shutdown refuses everybody new, ends all sessions with a bye, and waits until the rooms are gone and their peers
// closed, or until ctx is done.
func (r *Registry) Shutdown(ctx context.Context, b protocol.Bye) error {
	r.mu.Lock()
	r.closing = true
	rooms := maps.Clone(r.rooms)
	r.mu.Unlock()
	for _, rm := range rooms {
		rm.post("", func(now time.Time) { rm.shutdown(now, b) })
	}
	for _, rm := range rooms {
		select {
		case <-rm.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for rooms to end: %w", ctx.Err())
		}
	}
	return nil
}

// enter finds or makes the room, and the participant that a joining client replaces there.
func (r *Registry) enter(name, replaces string) (*room, id, error) {
	key := fold(name)
	full := r.headroom()
	r.mu.Lock()
	defer r.mu.Unlock()
	rm := r.rooms[key]
	former := r.formerOf(rm, replaces)
	if former == "" {
		if err := r.newcomersLocked(time.Now(), full); err != nil {
			return nil, "", err
		}
	}
	if r.closing {
		return nil, "", ErrShuttingDown
	}
	if rm == nil {
		if len(r.rooms) >= r.maxRooms {
			return nil, "", ErrServerFull
		}
		rm = newRoom(r, name, key)
		rm.state.rules.maxParticipants = r.maxParticipants
		r.rooms[key] = rm
		go rm.run()
	}
	return rm, former, nil
}

// formerOf is the participant of a room whose session has this secret, or nobody. The caller holds mu.
func (r *Registry) formerOf(rm *room, secret string) id {
	if secret == "" || rm == nil {
		return ""
	}
	if s, known := r.sessions[hashSecret(secret)]; known && s.room == rm {
		return s.participant
	}
	return ""
}

// ask has a room answer a question on behalf of a participant. The answer comes even if the room panics on it.
func ask(rm *room, who id, question func(now time.Time) (*Member, error)) (*Member, error) {
	answer := make(chan admission, 1)
	posted := rm.post(who, func(now time.Time) {
		given := admission{err: ErrInternal}
		defer func() { answer <- given }()
		given.member, given.err = question(now)
	})
	if !posted {
		return nil, errGone
	}
	given := <-answer
	return given.member, given.err
}

func (r *Registry) rememberSession(h secretHash, s session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[h] = s
}

func (r *Registry) forgetSession(h secretHash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, h)
}

func (r *Registry) forgetRoom(rm *room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rooms[rm.key] == rm {
		delete(r.rooms, rm.key)
	}
}
