package room

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hiroba/room/seating"
	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// fakeClient keeps what it was sent.
type fakeClient struct {
	mu     sync.Mutex
	got    []protocol.Message
	byes   []protocol.Bye
	onSend func(m protocol.Message)
}

func (c *fakeClient) Send(m protocol.Message) {
	c.mu.Lock()
	c.got = append(c.got, m)
	c.mu.Unlock()
	if c.onSend != nil {
		c.onSend(m)
	}
}

func (c *fakeClient) End(b protocol.Bye) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byes = append(c.byes, b)
}

func (c *fakeClient) types() (types []protocol.Type) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.got {
		types = append(types, m.Type())
	}
	return types
}

func (c *fakeClient) wantTypes(t *testing.T, want ...protocol.Type) {
	t.Helper()
	if got := c.types(); !slices.Equal(got, want) {
		t.Errorf("was told %v, want %v", got, want)
	}
}

func (c *fakeClient) wantBye(t *testing.T, want ...protocol.ByeReason) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []protocol.ByeReason
	for _, b := range c.byes {
		got = append(got, b.Reason)
	}
	if !slices.Equal(got, want) {
		t.Errorf("byes %v, want %v", got, want)
	}
}

func (c *fakeClient) welcome(t *testing.T) protocol.Welcome {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.got) > 0 {
		if w, ok := c.got[0].(protocol.Welcome); ok {
			return w
		}
	}
	t.Fatalf("no welcome first: %v", c.got)
	return protocol.Welcome{}
}

// fakePlane is a media plane whose peers answer every offer.
type fakePlane struct {
	forgotten []id // guarded by mu
	mu        sync.Mutex
	peers     map[id][]*fakePeer
	csrc      media.CSRC
	err       error
	// mute keeps peers from closing; onOffer is called in place of answering.
	mute    bool
	onOffer func(p *fakePeer, o sfu.Offer)
}

type fakePeer struct {
	plane  *fakePlane
	cfg    peerConfig
	seats  map[int][2]upTrack
	data   []string
	closed bool
}

type fakeTrack struct {
	csrc media.CSRC
	mid  media.MID
	kind media.Kind
}

func (t *fakeTrack) CSRC() media.CSRC { return t.csrc }
func (t *fakeTrack) MID() media.MID   { return t.mid }
func (t *fakeTrack) Kind() media.Kind { return t.kind }

func newFakePlane() *fakePlane { return &fakePlane{peers: map[id][]*fakePeer{}} }

func (f *fakePlane) newPeer(cfg peerConfig) (mediaPeer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	p := &fakePeer{plane: f, cfg: cfg, seats: map[int][2]upTrack{}}
	f.peers[cfg.participant] = append(f.peers[cfg.participant], p)
	return p, nil
}

func (f *fakePlane) forget(who id) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgotten = append(f.forgotten, who)
}

// of is the latest peer of a participant.
func (f *fakePlane) of(t *testing.T, who id) *fakePeer {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.peers[who]
	if len(all) == 0 {
		t.Fatalf("%s has no peer", who)
	}
	return all[len(all)-1]
}

func (p *fakePeer) handleOffer(o sfu.Offer) {
	if p.plane.onOffer != nil {
		p.plane.onOffer(p, o)
		return
	}
	p.answer(o)
}

func (p *fakePeer) answer(o sfu.Offer) {
	p.cfg.post(sfu.SeatsBound{Seats: len(o.Seats)})
	for _, mid := range o.SendMIDs {
		p.plane.mu.Lock()
		p.plane.csrc++
		track := &fakeTrack{p.plane.csrc, mid, media.Video}
		p.plane.mu.Unlock()
		if strings.HasSuffix(string(mid), "audio") {
			track.kind = media.Audio
		}
		p.cfg.post(addedTrack{track})
	}
	p.cfg.post(sfu.Answered{OfferID: o.ID, SDP: "answer"})
	p.cfg.post(sfu.StateChanged{State: sfu.StateConnected})
}

func (p *fakePeer) addCandidate(sfu.Candidate)              {}
func (p *fakePeer) supports(c media.Codec) bool             { return c != media.AV1 }
func (p *fakePeer) seat(n int, audio, video upTrack, _ int) { p.seats[n] = [2]upTrack{audio, video} }

func (p *fakePeer) sendData(label string, _ bool, data []byte) {
	p.data = append(p.data, label+" "+string(data))
}

func (p *fakePeer) close() {
	p.closed = true
	if !p.plane.mute {
		p.cfg.post(sfu.Closed{})
	}
}

// square is a registry in a synctest bubble.
type square struct {
	t     *testing.T
	r     *Registry
	plane *fakePlane
}

// inSquare runs f with a registry, in virtual time, and shuts it down after.
func inSquare(t *testing.T, cfg Config, f func(sq *square)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		plane := newFakePlane()
		sq := &square{t, newRegistry(cfg, plane), plane}
		f(sq)
		sq.shutdown()
		if s := sq.r.Stats(); s.Rooms != 0 || s.Participants != 0 || s.Seats != 0 || s.OccupiedSeats != 0 {
			t.Errorf("after the shutdown: %+v", s)
		}
		if n := len(sq.r.sessions); n != 0 {
			t.Errorf("%d sessions are kept after the shutdown", n)
		}
	})
}

func (sq *square) shutdown() {
	sq.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := sq.r.Shutdown(ctx, bye(protocol.ByeShutdown)); err != nil {
		sq.t.Error(err)
	}
	synctest.Wait()
}

func (sq *square) join(name string) (*Member, *fakeClient) {
	sq.t.Helper()
	c := &fakeClient{}
	m, err := sq.r.Join(JoinRequest{Room: "square", Name: name, Client: c})
	if err != nil {
		sq.t.Fatalf("%s cannot join: %v", name, err)
	}
	return m, c
}

func TestWelcomeIsSentBeforeJoinReturns(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		_, ann := sq.join(" ann ")
		w := ann.welcome(t)
		if w.Self.Name != "ann" || w.Room != "square" || len(w.Session) < 22 || w.Seats != 8 || w.GraceMs != 30000 {
			t.Errorf("welcome %+v", w)
		}
		m, bob := sq.join("bob")
		if got := bob.welcome(t); got.Session == w.Session || got.Self.ID != m.Participant() || len(got.Participants) != 1 {
			t.Errorf("welcome %+v", got)
		}
		synctest.Wait()
		ann.wantTypes(t, protocol.TypeWelcome, protocol.TypeJoined)
	})
}

func TestJoinIsRefused(t *testing.T) {
	inSquare(t, Config{MaxRooms: 1, MaxParticipants: 2}, func(sq *square) {
		sq.join("ann")
		sq.join("bob")
		for _, tt := range []struct {
			room, name string
			want       error
		}{
			{"square", "ANN", ErrNameTaken},
			{"square", "cid", ErrRoomFull},
			{"SQUARE", "cid", ErrRoomFull}, // the same room
			{"other", "cid", ErrServerFull},
			{"square", "", ErrBadName},
			{"a/b", "cid", ErrBadRoom},
		} {
			_, err := sq.r.Join(JoinRequest{Room: tt.room, Name: tt.name, Client: &fakeClient{}})
			if !errors.Is(err, tt.want) || CodeOf(err) != CodeOf(tt.want) {
				t.Errorf("%s in %s: %v, want %v", tt.name, tt.room, err, tt.want)
			}
		}
		s := sq.r.Stats()
		if s.Joins != 2 || s.Refused[protocol.CodeRoomFull] != 2 || s.Refused[protocol.CodeNameTaken] != 1 {
			t.Errorf("stats %+v", s)
		}
		if CodeOf(errors.New("else")) != protocol.CodeInternal {
			t.Error("an error of others is not internal")
		}
	})
}

func TestMediaFlowsFromTrackToSeat(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		ann, annOut := sq.join("ann")
		bob, bobOut := sq.join("bob")
		ann.Handle(offerOf(1, 0, protocol.Microphone, protocol.Camera))
		bob.Handle(offerOf(1, 4))
		synctest.Wait()
		annOut.wantTypes(t, protocol.TypeWelcome, protocol.TypeJoined, protocol.TypeAnswer)
		seat := sq.plane.of(t, bob.Participant()).seats[0]
		if seat[0] == nil || seat[0].MID() != "smicaudio" || seat[1] == nil || seat[1].MID() != "scamvideo" {
			t.Errorf("bob's seat is fed %v", seat)
		}
		if got := bobOut.types(); !slices.Contains(got, protocol.TypeSeats) || !slices.Contains(got, protocol.TypeUpdated) {
			t.Errorf("bob was told %v", got)
		}
		if s := sq.r.Stats(); s.Participants != 2 || s.Seats != 4 || s.OccupiedSeats != 1 || s.Rooms != 1 {
			t.Errorf("stats %+v", s)
		}
		sq.plane.of(t, ann.Participant()).cfg.post(trackRemoved{seat[0].CSRC()})
		synctest.Wait()
		if seat := sq.plane.of(t, bob.Participant()).seats[0]; seat[0] != nil || seat[1] == nil {
			t.Errorf("bob's seat is fed %v", seat)
		}
		ann.Leave()
		synctest.Wait()
		annOut.wantBye(t, protocol.ByeLeft)
		if seat := sq.plane.of(t, bob.Participant()).seats[0]; seat[0] != nil || seat[1] != nil {
			t.Errorf("bob's seat is fed %v", seat)
		}
		if !sq.plane.of(t, ann.Participant()).closed {
			t.Error("ann's peer is open")
		}
		rm := sq.r.rooms["square"]
		if len(rm.tracks) != 0 || rm.openPeers != 1 {
			t.Errorf("%d tracks, %d open peers", len(rm.tracks), rm.openPeers)
		}
	})
}

func TestResumeTakesTheSessionOver(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		former, first := sq.join("ann")
		_, bob := sq.join("bob")
		former.Handle(offerOf(1, 1))
		synctest.Wait()
		second := &fakeClient{}
		latter, err := sq.r.Resume(first.welcome(t).Session, second)
		if err != nil {
			t.Fatal(err)
		}
		first.wantBye(t, protocol.ByeResumedElsewhere)
		if w := second.welcome(t); !w.Resumed || w.Self.ID != former.Participant() {
			t.Errorf("welcome %+v", w)
		}
		// The former client has no hold any more.
		former.Detach(first)
		former.Leave()
		former.Abuse(protocol.ByeProtocol)
		former.Handle(protocol.ChatSend{Text: "ghost"})
		time.Sleep(time.Hour)
		second.wantBye(t)
		latter.Handle(offerOf(1, 1)) // the answer may have been lost
		synctest.Wait()
		second.wantTypes(t, protocol.TypeWelcome, protocol.TypeSeats, protocol.TypeNeedSeats, protocol.TypeAnswer)
		if slices.Contains(bob.types(), protocol.TypeLeft) {
			t.Error("bob was told that ann left")
		}
		if s := sq.r.Stats(); s.Resumes != 1 || s.Participants != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestLostSessionCanBeResumedInItsGraceTimeOnly(t *testing.T) {
	inSquare(t, Config{SessionGrace: 10 * time.Second}, func(sq *square) {
		m, c := sq.join("ann")
		secret := c.welcome(t).Session
		m.Detach(&fakeClient{}) // not its client
		time.Sleep(time.Minute)
		m.Detach(c)
		time.Sleep(9 * time.Second)
		again := &fakeClient{}
		m, err := sq.r.Resume(secret, again)
		if err != nil {
			t.Fatal(err)
		}
		c.wantBye(t) // is gone, gets nothing
		m.Detach(again)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if _, err := sq.r.Resume(secret, &fakeClient{}); !errors.Is(err, ErrNoSession) {
			t.Errorf("resumed after the grace time: %v", err)
		}
		if _, err := sq.r.Resume("guess", &fakeClient{}); !errors.Is(err, ErrNoSession) {
			t.Errorf("a guess: %v", err)
		}
		if got := sq.r.Stats().Left[protocol.ByeTimeout]; got != 1 {
			t.Errorf("%d left by timeout", got)
		}
	})
}

func TestReloadedPageReplacesItsSession(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		_, first := sq.join("ann")
		_, other := sq.join("bob")
		c := &fakeClient{}
		req := JoinRequest{Room: "square", Name: "ann", Replaces: first.welcome(t).Session, Client: c}
		if _, err := sq.r.Join(req); err != nil {
			t.Fatal(err)
		}
		first.wantBye(t, protocol.ByeReplaced)
		c.welcome(t)
		// In another room the secret means nothing.
		req = JoinRequest{Room: "elsewhere", Name: "bob", Replaces: other.welcome(t).Session, Client: &fakeClient{}}
		if _, err := sq.r.Join(req); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		other.wantBye(t)
	})
}

func TestEmptyRoomIsForgotten(t *testing.T) {
	inSquare(t, Config{RoomGrace: time.Minute}, func(sq *square) {
		m, _ := sq.join("ann")
		m.Handle(protocol.ChatSend{Text: "hello"})
		m.Leave()
		time.Sleep(59 * time.Second)
		m, c := sq.join("ann")
		if got := len(c.welcome(t).Chat); got != 1 {
			t.Errorf("%d chat messages are kept", got)
		}
		m.Leave()
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := sq.r.Stats(); s.Rooms != 0 {
			t.Errorf("%d rooms", s.Rooms)
		}
		m.Handle(protocol.ChatSend{Text: "too late"})
		_, c = sq.join("ann")
		if got := len(c.welcome(t).Chat); got != 0 {
			t.Errorf("%d chat messages are kept", got)
		}
	})
}

func TestShutdownEndsEverybody(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		m, ann := sq.join("ann")
		m.Handle(offerOf(1, 1))
		_, bob := sq.join("bob")
		synctest.Wait()
		sq.shutdown()
		ann.wantBye(t, protocol.ByeShutdown)
		bob.wantBye(t, protocol.ByeShutdown)
		if !sq.plane.of(t, m.Participant()).closed {
			t.Error("a peer is open")
		}
		_, err := sq.r.Join(JoinRequest{Room: "square", Name: "cid", Client: &fakeClient{}})
		if !errors.Is(err, ErrShuttingDown) {
			t.Errorf("join: %v", err)
		}
		if _, err := sq.r.Resume(ann.welcome(t).Session, &fakeClient{}); !errors.Is(err, ErrNoSession) {
			t.Errorf("resume: %v", err)
		}
	})
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		sq.plane.mute = true
		m, _ := sq.join("ann")
		m.Handle(offerOf(1, 1))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := sq.r.Shutdown(ctx, bye(protocol.ByeShutdown)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown: %v", err)
		}
		time.Sleep(closeWait)
	})
}

func TestPanicEndsOneSessionOnly(t *testing.T) {
	for name, cause := range map[string]func(sq *square, ann *Member, c *fakeClient){
		"client": func(_ *square, _ *Member, c *fakeClient) {
			c.onSend = func(m protocol.Message) {
				if m.Type() == protocol.TypeChat {
					panic("test")
				}
			}
		},
		"peer": func(sq *square, ann *Member, _ *fakeClient) {
			sq.plane.onOffer = func(*fakePeer, sfu.Offer) { panic("test") }
			ann.Handle(offerOf(1, 1))
		},
		"state": func(_ *square, ann *Member, _ *fakeClient) {
			ann.post(func(time.Time, *participant) { panic("test") })
		},
		"flush": func(_ *square, ann *Member, _ *fakeClient) {
			ann.post(func(_ time.Time, p *participant) { p.seats, p.reseat = make([]seating.Seat, 1), true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inSquare(t, Config{}, func(sq *square) {
				ann, annOut := sq.join("ann")
				bob, bobOut := sq.join("bob")
				cause(sq, ann, annOut)
				synctest.Wait()
				sq.plane.onOffer = nil
				bob.Handle(protocol.ChatSend{Text: "still here"})
				bob.Handle(offerOf(1, 1))
				synctest.Wait()
				annOut.wantBye(t, protocol.ByeShutdown)
				bobOut.wantBye(t)
				for _, want := range []protocol.Type{protocol.TypeChat, protocol.TypeAnswer, protocol.TypeLeft} {
					if !slices.Contains(bobOut.types(), want) {
						t.Errorf("bob was told %v", bobOut.types())
					}
				}
				if s := sq.r.Stats(); s.Panics != 1 || s.Participants != 1 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

func TestPanicWhileJoiningIsAnswered(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		c := &fakeClient{onSend: func(protocol.Message) { panic("test") }}
		_, err := sq.r.Join(JoinRequest{Room: "square", Name: "ann", Client: c})
		if !errors.Is(err, ErrInternal) {
			t.Errorf("join: %v", err)
		}
		sq.join("ann") // the name is free
	})
}

func TestPanicOfNobodyEndsTheRoom(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		m, c := sq.join("ann")
		m.Handle(offerOf(1, 1))
		synctest.Wait()
		sq.r.rooms["square"].post("", func(time.Time) { panic("test") })
		synctest.Wait()
		c.wantBye(t, protocol.ByeShutdown)
		if !sq.plane.of(t, m.Participant()).closed {
			t.Error("the peer is open")
		}
		_, c = sq.join("ann") // a new room
		c.welcome(t)
	})
}

func TestPeerThatCannotBeMadeIsTold(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		sq.plane.err = errors.New("test")
		m, c := sq.join("ann")
		m.Handle(offerOf(1, 1))
		synctest.Wait()
		c.wantTypes(t, protocol.TypeWelcome, protocol.TypeError)
		sq.plane.err = nil
		m.Handle(offerOf(1, 1))
		synctest.Wait()
		if !slices.Contains(c.types(), protocol.TypeAnswer) {
			t.Errorf("was told %v", c.types())
		}
	})
}

func TestEventsOfAFormerPeerMeanNothing(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		m, c := sq.join("ann")
		m.Handle(offerOf(1, 1))
		synctest.Wait()
		former := sq.plane.of(t, m.Participant())
		former.cfg.post(sfu.Closed{})
		synctest.Wait()
		m.Handle(offerOf(1, 1, protocol.Camera))
		synctest.Wait()
		former.cfg.post(sfu.Abused{})
		former.cfg.post(sfu.StateChanged{State: sfu.StateFailed})
		time.Sleep(time.Hour)
		c.wantBye(t)
		if n := sq.r.rooms["square"].openPeers; n != 1 {
			t.Errorf("%d open peers", n)
		}
	})
}

// TestRoomsComeAndGo has many clients join, talk, drop and leave at once, in rooms that vanish at once; run it with the
// race detector.
func TestRoomsComeAndGo(t *testing.T) {
	inSquare(t, Config{RoomGrace: time.Nanosecond, SessionGrace: time.Nanosecond}, func(sq *square) {
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				for i := range 30 {
					c := &fakeClient{}
					req := JoinRequest{Room: fmt.Sprint("room", (n+i)%3), Name: fmt.Sprint("name", n), Client: c}
					m, err := sq.r.Join(req)
					if err != nil {
						t.Errorf("join: %v", err)
						return
					}
					c.welcome(t)
					m.Handle(offerOf(1, 2, protocol.Camera))
					m.Handle(protocol.ChatSend{Text: "hello"})
					if i%3 == 0 {
						m.Detach(c)
						if again, err := sq.r.Resume(c.welcome(t).Session, &fakeClient{}); err == nil { // or it was too late
							m = again
						}
					}
					m.Leave()
					sq.r.Stats()
				}
			})
		}
		wg.Wait()
	})
}

// TestNothingIsLeftBehind churns through many sessions of one long-lived room.
func TestNothingIsLeftBehind(t *testing.T) {
	inSquare(t, Config{}, func(sq *square) {
		sq.join("ann")
		for i := range 2000 {
			m, _ := sq.join("bob")
			m.Handle(offerOf(1, 2, protocol.Camera, protocol.Microphone))
			if i%10 == 0 {
				m.Abuse(protocol.ByeTooSlow)
			} else {
				m.Leave()
			}
			synctest.Wait()
		}
		rm := sq.r.rooms["square"]
		sizes := []int{
			len(rm.attendees), len(rm.state.people), len(rm.state.names), len(sq.r.sessions), len(sq.r.rooms),
			len(rm.tracks) + 1, rm.openPeers + 1,
		}
		for i, n := range sizes {
			if n != 1 {
				t.Errorf("size %d is %d: %v", i, n, sizes)
			}
		}
	})
}
