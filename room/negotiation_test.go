package room

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

func offersHanded(w *world) (ids []int) {
	for _, e := range w.out {
		if e, ok := e.(handOffer); ok {
			ids = append(ids, e.offer.ID)
		}
	}
	return ids
}

func TestFirstOfferMakesThePeer(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.clear()
	w.say("ann", offerOf(1, 1, protocol.Camera))
	want := []effect{
		openPeer{to: "ann"},
		handOffer{"ann", sfu.Offer{
			ID: 1, SDP: "v=0", Seats: []sfu.SeatMIDs{{Audio: "a0", Video: "v0"}}, SendMIDs: []media.MID{"scamvideo"},
		}},
	}
	if diff := cmp.Diff(want, w.out, cmp.AllowUnexported(openPeer{}, handOffer{})); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	w.happen("ann", answered{sfu.Answered{OfferID: 1, SDP: "answer"}, everyCodec})
	if a, _ := last[protocol.Answer](w, "ann"); a != (protocol.Answer{ID: 1, SDP: "answer"}) {
		t.Errorf("answer %+v", a)
	}
	w.clear()
	w.say("ann", offerOf(2, 1))
	if slices.ContainsFunc(w.out, func(e effect) bool { _, ok := e.(openPeer); return ok }) {
		t.Error("the second offer made another peer")
	}
}

func TestOneOfferIsInFlight(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.say("ann", offerOf(1, 1), offerOf(2, 1))
	w.wantError("ann", protocol.CodeWrongOrder, protocol.TypeOffer, "2")
	w.say("ann", offerOf(1, 1)) // sent again by a client that resumed
	if got := count[protocol.Error](w, "ann"); got != 1 {
		t.Errorf("%d errors", got)
	}
	w.happen("ann", answered{sfu.Answered{OfferID: 1, SDP: "answer"}, everyCodec})
	w.say("ann", offerOf(2, 1))
	if got := offersHanded(w); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("offers handed on: %v", got)
	}
}

func TestSameOfferGetsTheSameAnswerAndCandidates(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.say("ann", offerOf(1, 1))
	w.happen("ann", answered{sfu.Answered{OfferID: 1, SDP: "answer"}, everyCodec},
		sfu.CandidateFound{Candidate: "candidate:1", SDPMid: "a0"}, sfu.CandidateFound{})
	w.wantTypes("ann", protocol.TypeWelcome, protocol.TypeAnswer, protocol.TypeCandidate, protocol.TypeCandidate)
	w.clear()
	w.say("ann", offerOf(1, 1))
	w.wantTypes("ann", protocol.TypeAnswer, protocol.TypeCandidate, protocol.TypeCandidate)
	if got := offersHanded(w); got != nil {
		t.Errorf("offers handed on: %v", got)
	}
	for i := range 1000 {
		w.happen("ann", sfu.CandidateFound{Candidate: fmt.Sprint(i)})
	}
	if n := len(w.p("ann").candidates); n > maxLocalCandidates {
		t.Errorf("%d candidates are kept", n)
	}
}

func TestOfferThatFailsLeavesThingsAsTheyWere(t *testing.T) {
	for err, code := range map[error]protocol.Code{
		fmt.Errorf("%w: 80", sfu.ErrTooManyMedia): protocol.CodeTooManyMedia,
		fmt.Errorf("%w: no mid", sfu.ErrBadOffer): protocol.CodeBadOffer,
		errors.New("else"):                        protocol.CodeBadOffer,
	} {
		w := newWorld(t, testRules())
		w.join("ann", "bob")
		w.publish("ann", 1, protocol.Microphone)
		w.say("ann", offerOf(2, 3))
		w.clear()
		w.happen("ann", sfu.OfferFailed{OfferID: 2, Err: err})
		w.wantError("ann", code, protocol.TypeOffer, "2")
		if n := len(w.p("ann").seats); n != 1 || w.p("ann").track(protocol.Microphone) == nil {
			t.Errorf("%d seats, tracks %v", n, w.p("ann").tracks)
		}
		w.say("ann", offerOf(3, 1)) // may try again
		if got := offersHanded(w); !slices.Equal(got, []int{3}) {
			t.Errorf("offers handed on: %v", got)
		}
	}
}

func TestTracksAreToldOncePerStep(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.clear()
	csrc := w.publish("ann", 1, protocol.Camera, protocol.Microphone)
	w.wantTypes("bob", protocol.TypeUpdated)
	w.happen("ann", trackStarted{csrc[protocol.Camera], media.AV1})
	got, _ := last[protocol.Updated](w, "bob")
	want := []protocol.Track{
		{Source: protocol.Microphone, CSRC: uint32(csrc[protocol.Microphone])},
		{Source: protocol.Camera, CSRC: uint32(csrc[protocol.Camera]), Codec: "av1"},
	}
	if diff := cmp.Diff(want, got.Participant.Tracks); diff != "" {
		t.Errorf("tracks (-want +got):\n%s", diff)
	}
	w.clear()
	w.happen("ann", trackRemoved{csrc[protocol.Camera]}, trackRemoved{csrc[protocol.Camera]})
	w.wantTypes("bob", protocol.TypeUpdated)
	if got, _ := last[protocol.Updated](w, "bob"); len(got.Participant.Tracks) != 1 {
		t.Errorf("tracks %v", got.Participant.Tracks)
	}
	if count[protocol.Updated](w, "ann") != 0 {
		t.Error("ann was told of itself")
	}
}

func TestTrackOfTheWrongKindIsNotPublished(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.say("ann", offerOf(1, 0, protocol.Camera))
	w.happen("ann", trackAdded{7, "scamvideo", media.Audio}, answered{sfu.Answered{OfferID: 1}, everyCodec})
	w.wantError("ann", protocol.CodeBadOffer, protocol.TypeOffer, "")
	if got := w.p("ann").describe().Tracks; len(got) != 0 {
		t.Errorf("published %v", got)
	}
}

func TestTrackThatNoOfferExplainsIsNotPublished(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("ann", 0, protocol.Camera)
	w.happen("ann", trackAdded{9, "other", media.Video})
	if got := w.p("ann").describe().Tracks; len(got) != 1 {
		t.Errorf("published %v", got)
	}
}

func TestNewTrackOfASourceTakesOver(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("ann", 0, protocol.Screen)
	w.say("ann", protocol.Offer{ID: 2, SDP: "v=0", Tracks: []protocol.TrackMID{{MID: "new", Source: protocol.Screen}}})
	w.happen("ann", trackAdded{9, "new", media.Video}, trackRemoved{1}, answered{sfu.Answered{OfferID: 2}, everyCodec})
	if got := w.p("ann").describe().Tracks; len(got) != 1 || got[0].CSRC != 9 {
		t.Errorf("published %v", got)
	}
}

func TestMuteIsToldAndOutlivesAnOfferInFlight(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("ann", 0, protocol.Microphone)
	w.clear()
	w.say("ann", protocol.Mute{Source: protocol.Microphone, Muted: true})
	w.say("ann", protocol.Mute{Source: protocol.Microphone, Muted: true}) // no news
	w.wantTypes("bob", protocol.TypeUpdated)

	w.say("ann", offerOf(2, 0, protocol.Microphone)) // says that it is not muted
	w.say("ann", protocol.Mute{Source: protocol.Microphone, Muted: true})
	w.happen("ann", answered{sfu.Answered{OfferID: 2}, everyCodec})
	if !w.p("ann").track(protocol.Microphone).muted {
		t.Error("the mute that came after the offer is lost")
	}
}

func TestMuteMayComeBeforeTheTrack(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.say("ann", offerOf(1, 0, protocol.Camera), protocol.Mute{Source: protocol.Camera, Muted: true})
	w.happen("ann", trackAdded{1, "scamvideo", media.Video}, answered{sfu.Answered{OfferID: 1}, everyCodec})
	if tracks := w.p("ann").describe().Tracks; len(tracks) != 1 || !tracks[0].Muted {
		t.Errorf("published %v", tracks)
	}
	if got := count[protocol.Error](w, "ann"); got != 0 {
		t.Errorf("%d errors", got)
	}
}

func TestSpeakersAreTold(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	csrc := w.publish("ann", 0, protocol.Microphone, protocol.ScreenAudio)
	w.clear()
	for range 5 {
		w.happen("ann", heard{csrc[protocol.Microphone], 100})
		w.happen("ann", heard{csrc[protocol.ScreenAudio], 120}) // loud, but nobody speaks
		w.pass(200 * time.Millisecond)
	}
	w.wantTypes("bob", protocol.TypeSpeakers)
	want := []protocol.Speaker{{Participant: "ann", Level: 0.7}}
	if got, _ := last[protocol.Speakers](w, "bob"); !slices.Equal(got.Speakers, want) {
		t.Errorf("speakers %v", got.Speakers)
	}
	w.join("cid")
	if welcome, _ := last[protocol.Welcome](w, "cid"); !slices.Equal(welcome.Speakers, want) {
		t.Errorf("cid was told %v", welcome.Speakers)
	}
	w.say("ann", protocol.Mute{Source: protocol.Microphone, Muted: true})
	w.happen("ann", heard{csrc[protocol.Microphone], 100})
	w.pass(time.Second)
	if got, _ := last[protocol.Speakers](w, "bob"); len(got.Speakers) != 0 {
		t.Errorf("speakers %v after the mute", got.Speakers)
	}
}

func TestPeerThatClosesByItselfMayBeMadeAnew(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("bob", 1)
	w.publish("ann", 1, protocol.Microphone)
	w.happen("ann", sfu.Closed{})
	if got := w.seats("bob"); !slices.Equal(got, []string{"-"}) {
		t.Errorf("bob's seats: %v", got)
	}
	w.clear()
	w.say("ann", offerOf(1, 2, protocol.Microphone))
	if _, ok := w.out[0].(openPeer); !ok {
		t.Errorf("effects %v", w.out)
	}
	w.happen("ann", peerRefused{})
	w.wantError("ann", protocol.CodeInternal, protocol.TypeOffer, "1")
	w.pass(30 * time.Second)
	if got := w.bye("ann"); got != protocol.ByeMediaFailed {
		t.Errorf("ann's bye is %q", got)
	}
}

func TestICERestartIsCountedAndMeasured(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.publish("ann", 1, protocol.Camera)
	w.happen("ann", sfu.StateChanged{State: sfu.StateConnected})
	w.clear()
	for n, reason := range []protocol.RestartReason{protocol.RestartSilent, "made up"} {
		offer := offerOf(2+n, 1, protocol.Camera)
		offer.Restart = reason
		w.say("ann", offer, offer)
		w.happen("ann", sfu.StateChanged{State: sfu.StateConnecting},
			answered{sfu.Answered{OfferID: 2 + n, SDP: "answer"}, everyCodec})
	}
	w.now = w.now.Add(time.Second)
	w.clear()
	w.happen("ann", sfu.StateChanged{State: sfu.StateConnected}, sfu.StateChanged{State: sfu.StateConnected})
	if diff := cmp.Diff([]effect{measureRestart{"ann", time.Second}}, w.out, cmp.AllowUnexported(measureRestart{})); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	want := map[protocol.RestartReason]uint64{protocol.RestartSilent: 1, protocol.RestartOther: 1}
	if diff := cmp.Diff(want, w.s.takeTally().restarts); diff != "" {
		t.Errorf("restarts (-want +got):\n%s", diff)
	}
	if left := w.s.takeTally().restarts; len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
