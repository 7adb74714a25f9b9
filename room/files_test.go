package room

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hiroba/sfu"
	"hiroba/signaling/protocol"
)

// relayTest drives a file relay and prints what comes out, one line each.
type relayTest struct {
	t *testing.T
	r fileRelay
}

func newRelayTest(t *testing.T) *relayTest {
	limits := DefaultLimits()
	limits.FileChunkBytes, limits.FileWindowBytes, limits.FileTransfers = 10, 25, 2
	return &relayTest{t, newFileRelay(limits)}
}

func (rt *relayTest) out() (lines []string) {
	for _, o := range rt.r.takeOut() {
		to := string(o.to)
		if o.toOthers {
			to = "all but " + to
		}
		switch {
		case o.message == nil:
			lines = append(lines, fmt.Sprintf("%s: chunk of %d", to, len(o.chunk)-protocol.ChunkHeaderBytes))
		default:
			b, err := protocol.Encode(o.message)
			if err != nil {
				rt.t.Fatal(err)
			}
			lines = append(lines, to+": "+string(b))
		}
	}
	return lines
}

func (rt *relayTest) want(want ...string) {
	rt.t.Helper()
	if got := rt.out(); !slices.Equal(got, want) {
		rt.t.Errorf("came out:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (rt *relayTest) ok(err error) {
	rt.t.Helper()
	if err != nil {
		rt.t.Errorf("refused: %v", err)
	}
}

func (rt *relayTest) refused(err error) {
	rt.t.Helper()
	if !errors.Is(err, ErrBadFile) {
		rt.t.Errorf("not refused: %v", err)
	}
	rt.want()
}

func chunk(transfer uint32, offset uint64, size int) []byte {
	return protocol.AppendChunk(nil, protocol.Chunk{Transfer: transfer, Offset: offset, Payload: make([]byte, size)})
}

// start has ann offer a file of some size and bob accept it, as transfer 1.
func (rt *relayTest) start(size int64) {
	rt.t.Helper()
	rt.ok(rt.r.handleOffer("ann", protocol.FileOffer{ID: "m", Name: "a.txt", Size: size}))
	rt.ok(rt.r.handleAccept("bob", protocol.FileAccept{File: 1}))
	rt.out()
}

func TestFileGoesFromOneToAnother(t *testing.T) {
	rt := newRelayTest(t)
	rt.ok(rt.r.handleOffer("ann", protocol.FileOffer{ID: "m", Name: "a.txt", Size: 15, MIME: "text/plain"}))
	rt.want(
		`all but ann: {"type":"file_offer","file":1,"from":"ann","name":"a.txt","size":15,"mime":"text/plain"}`,
		`ann: {"type":"file_offer","id":"m","file":1,"name":"a.txt","size":15,"mime":"text/plain"}`)
	rt.ok(rt.r.handleAccept("bob", protocol.FileAccept{File: 1}))
	rt.want(`bob: {"type":"file_start","file":1,"transfer":1,"to":"bob"}`,
		`ann: {"type":"file_start","file":1,"transfer":1,"to":"bob"}`)
	rt.ok(rt.r.handleChunk("ann", chunk(1, 0, 10)))
	rt.ok(rt.r.handleChunk("ann", chunk(1, 10, 5)))
	rt.want("bob: chunk of 10", "bob: chunk of 5")
	rt.ok(rt.r.handleAck("bob", protocol.FileAck{Transfer: 1, Bytes: 10}))
	rt.ok(rt.r.handleAck("bob", protocol.FileAck{Transfer: 1, Bytes: 10})) // says nothing new
	rt.want(`ann: {"type":"file_ack","transfer":1,"bytes":10}`)
	rt.ok(rt.r.handleAck("bob", protocol.FileAck{Transfer: 1, Bytes: 15}))
	rt.want(`ann: {"type":"file_ack","transfer":1,"bytes":15}`, `bob: {"type":"file_done","file":1,"transfer":1}`,
		`ann: {"type":"file_done","file":1,"transfer":1}`)
	if rt.r.bytes != 15 || rt.r.outcomes[outcomeDone] != 1 || len(rt.r.transfers) != 0 {
		t.Errorf("%d bytes, outcomes %v, %d transfers", rt.r.bytes, rt.r.outcomes, len(rt.r.transfers))
	}
	rt.ok(rt.r.handleAccept("bob", protocol.FileAccept{File: 1})) // once more, with a new transfer
	rt.ok(rt.r.handleChunk("ann", chunk(1, 15, 5)))               // of the old one: too late, but no fault
	if got := rt.out(); len(got) != 2 || !strings.Contains(got[0], `"transfer":2`) {
		t.Errorf("came out %v", got)
	}
}

func TestEmptyFileIsDoneWithItsAck(t *testing.T) {
	rt := newRelayTest(t)
	rt.start(0)
	rt.ok(rt.r.handleAck("bob", protocol.FileAck{Transfer: 1}))
	if got := rt.out(); len(got) != 3 || rt.r.outcomes[outcomeDone] != 1 {
		t.Errorf("came out %v", got)
	}
}

func TestBrokenRulesCancelTheTransfer(t *testing.T) {
	cancelled := []string{
		`bob: {"type":"file_cancel","file":1,"transfer":1,"reason":"broken_rule"}`,
		`ann: {"type":"file_cancel","file":1,"transfer":1,"reason":"broken_rule"}`,
	}
	for name, breakRule := range map[string]func(r *fileRelay) error{
		"gap":          func(r *fileRelay) error { return r.handleChunk("ann", chunk(1, 1, 5)) },
		"huge offset":  func(r *fileRelay) error { return r.handleChunk("ann", chunk(1, 1<<63, 5)) },
		"chunk size":   func(r *fileRelay) error { return r.handleChunk("ann", chunk(1, 0, 11)) },
		"ack too far":  func(r *fileRelay) error { return r.handleAck("bob", protocol.FileAck{Transfer: 1, Bytes: 1}) },
		"negative ack": func(r *fileRelay) error { return r.handleAck("bob", protocol.FileAck{Transfer: 1, Bytes: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRelayTest(t)
			rt.start(100)
			rt.ok(breakRule(&rt.r))
			rt.want(cancelled...)
			if rt.r.outcomes[cancelBrokenRule] != 1 {
				t.Errorf("outcomes %v", rt.r.outcomes)
			}
		})
	}
	t.Run("window", func(t *testing.T) {
		rt := newRelayTest(t)
		rt.start(100)
		rt.ok(rt.r.handleChunk("ann", chunk(1, 0, 10)))
		rt.ok(rt.r.handleChunk("ann", chunk(1, 10, 10)))
		rt.ok(rt.r.handleChunk("ann", chunk(1, 20, 5)))
		rt.out()
		rt.ok(rt.r.handleChunk("ann", chunk(1, 25, 1)))
		rt.want(cancelled...)
	})
	t.Run("beyond the end", func(t *testing.T) {
		rt := newRelayTest(t)
		rt.start(9)
		rt.ok(rt.r.handleChunk("ann", chunk(1, 0, 10)))
		rt.want(cancelled...)
	})
	t.Run("ack goes back", func(t *testing.T) {
		rt := newRelayTest(t)
		rt.start(100)
		rt.ok(rt.r.handleChunk("ann", chunk(1, 0, 10)))
		rt.ok(rt.r.handleAck("bob", protocol.FileAck{Transfer: 1, Bytes: 10}))
		rt.out()
		rt.ok(rt.r.handleAck("bob", protocol.FileAck{Transfer: 1, Bytes: 5}))
		rt.want(cancelled...)
	})
}

func TestStrangersCannotTouchATransfer(t *testing.T) {
	rt := newRelayTest(t)
	rt.start(100)
	rt.refused(rt.r.handleChunk("cid", chunk(1, 0, 5)))
	rt.refused(rt.r.handleChunk("bob", chunk(1, 0, 5))) // the receiver does not send
	rt.refused(rt.r.handleAck("ann", protocol.FileAck{Transfer: 1}))
	rt.refused(rt.r.handleCancel("cid", protocol.FileCancel{File: 1, Transfer: 1}))
	rt.refused(rt.r.handleCancel("bob", protocol.FileCancel{File: 1}))
	rt.refused(rt.r.handleAccept("ann", protocol.FileAccept{File: 1}))
	rt.refused(rt.r.handleAccept("bob", protocol.FileAccept{File: 1}))
	rt.refused(rt.r.handleAccept("cid", protocol.FileAccept{File: 2}))
	rt.refused(rt.r.handleChunk("ann", []byte("short")))
	if len(rt.r.transfers) != 1 {
		t.Errorf("%d transfers", len(rt.r.transfers))
	}
}

func TestTransfersAndOffersAreBounded(t *testing.T) {
	rt := newRelayTest(t)
	for range maxFileOffers {
		rt.ok(rt.r.handleOffer("ann", protocol.FileOffer{Name: "a"}))
	}
	rt.out()
	rt.refused(rt.r.handleOffer("ann", protocol.FileOffer{Name: "a"}))
	rt.ok(rt.r.handleAccept("bob", protocol.FileAccept{File: 1}))
	rt.ok(rt.r.handleAccept("bob", protocol.FileAccept{File: 2}))
	rt.out()
	rt.refused(rt.r.handleAccept("bob", protocol.FileAccept{File: 3})) // bob has two
	rt.refused(rt.r.handleAccept("cid", protocol.FileAccept{File: 1})) // and ann too
}

func TestFileOffersAreChecked(t *testing.T) {
	for _, m := range []protocol.FileOffer{
		{Name: ""},
		{Name: "a/b"},
		{Name: `a\b`},
		{Name: ".."},
		{Name: " . "},
		{Name: "a\nb"},
		{Name: "a\u202etxt.exe"},
		{Name: "a\xff"},
		{Name: strings.Repeat("a", 256)},
		{Name: "a", Size: -1},
		{Name: "a", Size: 2<<30 + 1},
		{Name: "a", MIME: "text/\n"},
		{Name: "a", MIME: strings.Repeat("a", 128)},
		{Name: "a", ID: strings.Repeat("a", 65)},
	} {
		rt := newRelayTest(t)
		rt.refused(rt.r.handleOffer("ann", m))
	}
}

func TestEitherSideMayCancel(t *testing.T) {
	for side, other := range map[id]string{"ann": "bob", "bob": "ann"} {
		rt := newRelayTest(t)
		rt.start(100)
		rt.ok(rt.r.handleCancel(side, protocol.FileCancel{File: 1, Transfer: 1, Reason: "anything"}))
		rt.want(other + `: {"type":"file_cancel","file":1,"transfer":1,"reason":"cancelled"}`)
		rt.ok(rt.r.handleCancel(side, protocol.FileCancel{File: 1, Transfer: 1})) // twice is no fault
		rt.want()
	}
}

func TestWithdrawnOfferTakesItsTransfersAlong(t *testing.T) {
	rt := newRelayTest(t)
	rt.start(100)
	rt.ok(rt.r.handleCancel("ann", protocol.FileCancel{File: 1}))
	rt.want(`bob: {"type":"file_cancel","file":1,"transfer":1,"reason":"cancelled"}`,
		`all but ann: {"type":"file_cancel","file":1,"reason":"cancelled"}`)
	rt.ok(rt.r.handleCancel("ann", protocol.FileCancel{File: 1}))
	rt.refused(rt.r.handleAccept("bob", protocol.FileAccept{File: 1}))
}

func TestWhoLeavesEndsTransfersBothWays(t *testing.T) {
	rt := newRelayTest(t)
	rt.start(100)
	rt.ok(rt.r.handleOffer("cid", protocol.FileOffer{Name: "b"}))
	rt.ok(rt.r.handleAccept("ann", protocol.FileAccept{File: 2}))
	rt.out()
	rt.r.leave("ann", cancelLeft)
	rt.want(`bob: {"type":"file_cancel","file":1,"transfer":1,"reason":"left"}`,
		`cid: {"type":"file_cancel","file":2,"transfer":2,"reason":"left"}`,
		`all but ann: {"type":"file_cancel","file":1,"reason":"left"}`)
	if len(rt.r.offers) != 1 || len(rt.r.transfers) != 0 {
		t.Errorf("%d offers, %d transfers", len(rt.r.offers), len(rt.r.transfers))
	}
}

// TestFileRelayProperties lets three clients send anything, and checks that a receiver gets each byte once, in order,
// and never more than a window ahead of its acks.
func TestFileRelayProperties(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // a test
		rt := newRelayTest(t)
		who := []id{"ann", "bob", "cid"}
		next, acked := map[uint32]uint64{}, map[uint32]int64{}
		for range 300 {
			from := who[rng.IntN(len(who))]
			n := rt.r.lastTransfer - min(rt.r.lastTransfer, rng.Uint32N(3))
			var err error
			switch rng.IntN(8) {
			case 0:
				err = rt.r.handleOffer(from, protocol.FileOffer{Name: "a", Size: rng.Int64N(60)})
			case 1:
				err = rt.r.handleAccept(from, protocol.FileAccept{File: rng.Uint32N(rt.r.lastFile + 1)})
			case 2, 3, 4:
				offset := next[n]
				if rng.IntN(20) == 0 {
					offset += uint64(rng.IntN(10)) //nolint:gosec // small
				}
				if tr := rt.r.transfers[n]; tr != nil && rng.IntN(10) > 0 {
					from = tr.file.from
				}
				err = rt.r.handleChunk(from, chunk(n, offset, 1+rng.IntN(11)))
			case 5, 6:
				m := protocol.FileAck{Transfer: n, Bytes: int64(next[n])} //nolint:gosec // small
				if rng.IntN(20) == 0 {
					m.Bytes += int64(rng.IntN(10)) - 5
				}
				if tr := rt.r.transfers[n]; tr != nil {
					from = tr.to
				}
				err = rt.r.handleAck(from, m)
			case 7:
				switch rng.IntN(10) {
				case 0:
					rt.r.leave(from, cancelLeft)
				case 1:
					err = rt.r.handleCancel(from, protocol.FileCancel{File: rng.Uint32N(rt.r.lastFile + 1)})
				case 2:
					err = rt.r.handleCancel(from, protocol.FileCancel{Transfer: n})
				}
			}
			if err != nil && !errors.Is(err, ErrBadFile) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for _, o := range rt.r.takeOut() {
				if ack, ok := o.message.(protocol.FileAck); ok {
					acked[ack.Transfer] = ack.Bytes
				}
				if o.message != nil {
					continue
				}
				c, err := protocol.ParseChunk(o.chunk)
				if err != nil || c.Offset != next[c.Transfer] {
					t.Fatalf("seed %d: chunk at %d, want %d: %v", seed, c.Offset, next[c.Transfer], err)
				}
				next[c.Transfer] += uint64(len(c.Payload))
				if ahead := int64(next[c.Transfer]) - acked[c.Transfer]; ahead > 25 { //nolint:gosec // small
					t.Fatalf("seed %d: %d bytes ahead", seed, ahead)
				}
			}
			for _, tr := range rt.r.transfers {
				if tr.acked > tr.sent || tr.sent > tr.file.message.Size || rt.r.offers[tr.file.message.File] != tr.file {
					t.Fatalf("seed %d: transfer %+v", seed, tr)
				}
			}
		}
	}
}

func TestFileMessagesOverTheDataChannel(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob", "cid")
	for _, who := range []id{"ann", "bob", "cid"} {
		w.publish(who, 0)
	}
	receive := func(who id, text bool, data []byte) {
		t.Helper()
		w.clear()
		w.happen(who, sfu.DataReceived{Label: protocol.LabelFile, Text: text, Data: data})
	}
	w.happen("ann", sfu.DataOpened{Label: protocol.LabelFile})
	w.happen("bob", sfu.DataOpened{Label: protocol.LabelFile})
	receive("ann", true, []byte(`{"type":"file_offer","id":"m","name":"a","size":3}`))
	if len(w.data["ann"]) != 1 || len(w.data["bob"]) != 1 || len(w.data["cid"]) != 0 {
		t.Errorf("the offer went to %v", w.data)
	}
	w.clear()
	w.happen("cid", sfu.DataOpened{Label: protocol.LabelFile}) // late
	if got := w.data["cid"]; len(got) != 1 || !strings.Contains(got[0], "file_offer") {
		t.Errorf("cid got %v", got)
	}
	receive("bob", true, []byte(`{"type":"file_accept","file":1}`))
	raw := protocol.AppendChunk(nil, protocol.Chunk{Transfer: 1, Payload: []byte("abc")})
	receive("ann", false, raw)
	if got := w.data["bob"]; len(got) != 1 || got[0] != "file "+string(raw) {
		t.Errorf("bob got %q", got)
	}
	receive("bob", true, []byte(`{"type":"file_accept","file":9}`))
	if got := w.data["bob"]; len(got) != 1 || !strings.Contains(got[0], `"code":"bad_file"`) ||
		!strings.Contains(got[0], `"re":"file_accept"`) {
		t.Errorf("bob got %q", got)
	}
	receive("ann", true, []byte(`{"type":"file_offer","id":"q","name":"/","size":3}`))
	if got := w.data["ann"]; len(got) != 1 || !strings.Contains(got[0], `"id":"q"`) {
		t.Errorf("ann got %q", got)
	}
	for data, code := range map[string]string{
		`{"type":"file_done"}`:         "unknown_type",
		`{"type":"chat_send"}`:         "unknown_type",
		`{`:                            "bad_message",
		strings.Repeat(" ", 65537):     "bad_message",
		`{"type":"file_ack","bytes":"`: "bad_message",
	} {
		receive("ann", true, []byte(data))
		if got := w.data["ann"]; len(got) != 1 || !strings.Contains(got[0], code) {
			t.Errorf("%.30s: ann got %q", data, got)
		}
	}
	w.clear()
	w.happen("bob", sfu.DataOverflowed{Label: protocol.LabelFile})
	if got := w.data["ann"]; len(got) != 1 || !strings.Contains(got[0], "too_slow") {
		t.Errorf("ann got %q", got)
	}
	w.clear()
	w.s.expel(w.now, w.p("ann"), protocol.ByeLeft)
	w.step()
	if got := w.data["cid"]; len(got) != 1 || !strings.Contains(got[0], `"file_cancel","file":1,"reason":"left"`) {
		t.Errorf("cid got %q", got)
	}
	tally := w.s.takeTally()
	if tally.fileBytes != 3 || tally.transfers[cancelTooSlow] != 1 {
		t.Errorf("tally %+v", tally)
	}
	if tally := w.s.takeTally(); tally.fileBytes != 0 || len(tally.transfers) != 0 {
		t.Errorf("the second tally is %+v", tally)
	}
}

func TestFloodOfDataEndsTheSession(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.publish("ann", 0)
	raw := bytes.Repeat([]byte{0}, 20)
	for n := 0; w.s.people["ann"] != nil; n++ {
		if n > 100_000 {
			t.Fatal("a flood goes on for ever")
		}
		w.s.handlePeer(w.now, w.p("ann"), sfu.DataReceived{Label: protocol.LabelFile, Data: raw})
	}
	w.step()
	if got := w.bye("ann"); got != protocol.ByeProtocol {
		t.Errorf("bye %q", got)
	}
}
