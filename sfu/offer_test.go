package sfu

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
)

// offers are what browsers offer, written down in their manner: with the codecs, header extensions and simulcast attributes
// of each.
var offers = map[string]struct {
	seat SeatMIDs
	send []media.MID
	// rids are those of the simulcast m-line, codecs of its video the answer has in common.
	rids   []media.RID
	codecs []media.Codec
}{
	"chromium-camera-simulcast": {
		SeatMIDs{"3", "4"},
		[]media.MID{"1", "2"},
		[]media.RID{"q", "h", "f"},
		[]media.Codec{media.VP8, media.VP9, media.H264, media.AV1},
	},
	"chromium-red-h265": {
		SeatMIDs{"3", "4"},
		[]media.MID{"1", "2"},
		[]media.RID{"q", "h", "f"},
		[]media.Codec{media.VP8, media.VP9, media.H264, media.AV1, media.H265},
	},
	"chromium-screen":              {SeatMIDs{"1", "2"}, []media.MID{"3"}, nil, []media.Codec{media.VP8, media.VP9, media.H264, media.AV1}},
	"chromium-large-extension-ids": {SeatMIDs{"2", "3"}, []media.MID{"0", "1"}, []media.RID{"q", "h", "f"}, []media.Codec{media.VP8}},
	"firefox-camera-simulcast": {
		SeatMIDs{"2", "3"}, []media.MID{"0", "1"}, []media.RID{"q", "h", "f"}, []media.Codec{media.VP8, media.VP9, media.H264},
	},
	"firefox-stopped-track":  {SeatMIDs{"2", "3"}, []media.MID{"0"}, nil, []media.Codec{media.VP8}},
	"firefox-android-camera": {SeatMIDs{"2", "3"}, []media.MID{"0", "1"}, nil, []media.Codec{media.VP8, media.H264}},
	"safari-camera":          {SeatMIDs{"2", "3"}, []media.MID{"0", "1"}, nil, []media.Codec{media.VP8, media.H264}},
}

func stored(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "offers", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

// TestT31OffersOfBrowsersAreUnderstood checks each stored offer, and has it answered.
func TestT31OffersOfBrowsersAreUnderstood(t *testing.T) {
	e, err := New(Config{Listen: "127.0.0.1:0", Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	for name, want := range offers {
		t.Run(name, func(t *testing.T) {
			o := Offer{SDP: stored(t, name), Seats: []SeatMIDs{want.seat}, SendMIDs: want.send}
			lines, err := o.check(10)
			if err != nil {
				t.Fatal(err)
			}
			var rids []media.RID
			for _, mid := range want.send {
				if l := lines[mid]; l.kind == media.Video {
					rids = l.rids
				}
			}
			if !slices.Equal(rids, want.rids) {
				t.Errorf("rids %v, want %v", rids, want.rids)
			}
			sink := make(events, 100)
			p, err := e.NewPeer(PeerConfig{ID: name, Sink: sink})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			p.HandleOffer(o)
			for event := range sink {
				switch event := event.(type) {
				case Answered:
					checkAnswer(t, o.SDP, event.SDP, want.seat.Video, want.codecs)
					return
				case OfferFailed:
					t.Fatal(event.Err)
				}
			}
		})
	}
}

type events chan Event

// PeerEvent implements Sink.
func (s events) PeerEvent(_ *Peer, e Event) {
	select {
	case s <- e:
	default:
	}
}

// checkAnswer looks at what a browser would refuse: m-lines in another order, other ids of header extensions, and at the
// codecs of one m-line.
func checkAnswer(t *testing.T, offer, answer string, video media.MID, codecs []media.Codec) {
	t.Helper()
	sections := func(s string) []string { return strings.Split(s, "\r\nm=")[1:] }
	offered, answered := sections(offer), sections(answer)
	if len(offered) != len(answered) {
		t.Fatalf("%d m-lines, want %d", len(answered), len(offered))
	}
	for i := range offered {
		if strings.Fields(offered[i])[0] != strings.Fields(answered[i])[0] {
			t.Errorf("m-line %d is %q, want %q", i, strings.Fields(answered[i])[0], strings.Fields(offered[i])[0])
		}
		for line := range strings.Lines(answered[i]) {
			if strings.HasPrefix(line, "a=extmap:") && !strings.Contains(offered[i], strings.TrimSpace(line)) {
				t.Errorf("m-line %d: the answer has %q, which was not offered", i, strings.TrimSpace(line))
			}
		}
		if strings.Contains(offered[i], "a=mid:"+string(video)+"\r\n") {
			for _, c := range codecs {
				if !strings.Contains(strings.ToLower(answered[i]), " "+c.String()+"/90000") {
					t.Errorf("m-line %d: no %s in the answer", i, c)
				}
			}
		}
	}
	var description webrtc.SessionDescription
	description.Type, description.SDP = webrtc.SDPTypeAnswer, answer
	if _, err := description.Unmarshal(); err != nil {
		t.Error(err)
	}
}

// TestT23SimulcastAttributesInEveryForm: encodings that are paused at first, alternatives, doubled and empty ones.
func TestT23SimulcastAttributesInEveryForm(t *testing.T) {
	for value, want := range map[string][]media.RID{
		"send q;h;f":             {"q", "h", "f"},
		"send q;h;~f":            {"q", "h", "f"},
		"send ~q;~h;~f":          {"q", "h", "f"},
		"send q,x;h,y":           {"q", "h"},
		"send q;q;h":             {"q", "h"},
		"recv a;b send q;h":      {"q", "h"},
		"recv a;b":               nil,
		"send":                   nil,
		"":                       nil,
		"send ;;":                nil,
		"send ~":                 nil,
		" send  1;2 ":            {"1", "2"},
		"send a;b;c;d;e;f;g;h;i": {"a", "b", "c", "d", "e", "f", "g", "h", "i"}, // check refuses so many
	} {
		if got := simulcastRIDs(value); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// FuzzOffer checks any SDP: no panic, and nothing passes that breaks the bounds.
func FuzzOffer(f *testing.F) {
	for name := range offers {
		f.Add(stored(f, name), 1)
	}
	f.Add(groupedOffer, 2)
	f.Add("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=simulcast:send ~;,;q\r\n", 3)
	f.Fuzz(func(t *testing.T, sdp string, mids int) {
		o := Offer{SDP: sdp}
		for i := range min(max(mids, 0), 12) {
			mid := media.MID('0' + rune(i)) //nolint:gosec // small
			if i%2 == 0 {
				o.SendMIDs = append(o.SendMIDs, mid)
			} else {
				o.Seats = append(o.Seats, SeatMIDs{mid, mid})
			}
		}
		lines, err := o.check(4)
		if err != nil {
			if !errors.Is(err, ErrBadOffer) && !errors.Is(err, ErrTooManyMedia) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		for mid, l := range lines {
			if mid == "" || len(l.rids) > media.MaxSpatial+1 {
				t.Fatalf("passed the m-line %q with %d encodings", mid, len(l.rids))
			}
		}
		if len(o.Seats) > 4 || len(o.SendMIDs) > maxTracks {
			t.Fatal("passed too much")
		}
		r, err := withRIDs(sdp, lines)
		if err != nil && !errors.Is(err, ErrTooManyMedia) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if len(r.names) > 2*(media.MaxSpatial+1)*len(lines) {
			t.Fatalf("names %d streams of %d m-lines", len(r.names), len(lines))
		}
		if err == nil && strings.Count(r.sdp, "\nm=") != strings.Count(sdp, "\nm=") {
			t.Fatal("the number of m-lines changed")
		}
	})
}

// answerTo has an offer answered by pion with the codecs of rooms, and gives the answer's m-lines.
func answerTo(t *testing.T, sdp string) (sections []string) {
	t.Helper()
	m, err := newMediaEngine()
	if err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}
	if err := pc.SetRemoteDescription(offer); err != nil {
		t.Fatal(err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(answer.SDP, "\r\nm=")[1:]
}

// TestT21REDIsAnswered: where it is offered, in the order that the browser prefers, and with its parameters.
func TestT21REDIsAnswered(t *testing.T) {
	for name, want := range map[string]string{
		"chromium-red-h265":         "SAVPF 63 111",
		"chromium-camera-simulcast": "SAVPF 111 63",
		"safari-camera":             "SAVPF 111 63",
		"firefox-camera-simulcast":  "SAVPF 109",
	} {
		audio := 0
		for _, section := range answerTo(t, stored(t, name)) {
			if !strings.HasPrefix(section, "audio") {
				continue
			}
			audio++
			first, _, _ := strings.Cut(section, "\r\n")
			if !strings.HasSuffix(first, want) {
				t.Errorf("%s: answered %q, want %q", name, first, want)
			}
			if red := strings.Contains(section, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111"); red != strings.Contains(want, "63") {
				t.Errorf("%s: answered\n%s", name, section)
			}
		}
		if audio != 2 {
			t.Errorf("%s: %d m-lines of sound", name, audio)
		}
	}
}

// TestT20ParametersOfOpusSurvive: what a client says of FEC, DTX and the rest is answered as it is, and nothing of it makes
// Opus or RED another codec.
func TestT20ParametersOfOpusSurvive(t *testing.T) {
	for _, parameters := range []string{
		"minptime=10;useinbandfec=1",
		"minptime=10;useinbandfec=1;usedtx=1",
		"minptime=20;useinbandfec=0;usedtx=1;stereo=1;sprop-stereo=1",
		"maxplaybackrate=16000;cbr=1;maxaveragebitrate=20000",
		"",
	} {
		sdp := strings.ReplaceAll(stored(t, "chromium-red-h265"), "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1", "a=fmtp:111 "+parameters)
		if parameters == "" {
			sdp = strings.ReplaceAll(sdp, "a=fmtp:111 \r\n", "")
		}
		sending := answerTo(t, sdp)[1]
		if !strings.Contains(sending, "SAVPF 63 111\r\n") || parameters != "" && !strings.Contains(sending, "a=fmtp:111 "+parameters+"\r\n") {
			t.Errorf("%q is answered with\n%s", parameters, sending)
		}
	}
}

// TestT21REDIsOfOpus: RED around anything else, or without Opus, is not used.
func TestT21REDIsOfOpus(t *testing.T) {
	opus := webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/opus"}}
	for parameters, want := range map[string]bool{
		"111/111": true, "111": true, "111/111/111": true, "111/0": false, "0/0": false, "": false, "111/": false, "apt=111": false,
	} {
		red := webrtc.RTPCodecParameters{PayloadType: 63, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/red", SDPFmtpLine: parameters}}
		for _, list := range [][]webrtc.RTPCodecParameters{{red, opus}, {opus, red}} {
			types := newPayloadTypes(list)
			if got := types.media[media.RED] == 63; got != want || (types.codecs[63] == media.RED) != want {
				t.Errorf("%q: used %v, want %v", parameters, got, want)
			}
			if types.media[media.Opus] != 111 || types.rtx[media.RED] != 0 || types.rtx[media.Opus] != 0 {
				t.Errorf("%q: %+v", parameters, types.media)
			}
		}
		if types := newPayloadTypes([]webrtc.RTPCodecParameters{red}); types.media[media.RED] != 0 {
			t.Errorf("%q: used without Opus", parameters)
		}
	}
}

// BenchmarkAnswer answers offers of eight seats: with the codecs that the SDK chooses, and with all that a browser has.
func BenchmarkAnswer(b *testing.B) {
	m, err := newMediaEngine()
	if err != nil {
		b.Fatal(err)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m))
	for _, name := range []string{"chromium-red-h265", "chromium-camera-simulcast"} {
		offer := withSeats(stored(b, name), 8)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pc, err := api.NewPeerConnection(webrtc.Configuration{})
				if err != nil {
					b.Fatal(err)
				}
				if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
					b.Fatal(err)
				}
				if _, err := pc.CreateAnswer(nil); err != nil {
					b.Fatal(err)
				}
				_ = pc.Close()
			}
		})
	}
}

// withSeats repeats the last two m-lines of an offer, which are a seat, until there are as many.
func withSeats(offer string, seats int) string {
	sections := strings.Split(offer, "\r\nm=")
	seat := sections[len(sections)-2:]
	group := "BUNDLE"
	for mid := range len(sections) - 1 {
		group += " " + strconv.Itoa(mid)
	}
	for i := 1; i < seats; i++ {
		for _, section := range seat {
			mid := strconv.Itoa(len(sections) - 1)
			at := strings.Index(section, "a=mid:")
			end := at + strings.Index(section[at:], "\r\n")
			sections = append(sections, section[:at]+"a=mid:"+mid+section[end:])
			group += " " + mid
		}
	}
	head := sections[0]
	at := strings.Index(head, "BUNDLE")
	end := at + strings.Index(head[at:], "\r\n")
	sections[0] = head[:at] + group + head[end:]
	return strings.Join(sections, "\r\nm=")
}
