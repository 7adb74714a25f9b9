package sfu

import (
	"slices"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

const groupedOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=extmap:14 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=ssrc:9 cname:x\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\na=extmap:13/sendonly some:uri\r\n" +
	"a=ssrc-group:SIM 1 2 3\r\na=ssrc-group:FID 1 4\r\na=ssrc-group:FID 3 6\r\na=ssrc:1 msid:a b\r\na=ssrc:4 msid:a b\r\n"

func TestGroupsBecomeRIDs(t *testing.T) {
	lines, err := Offer{SDP: groupedOffer, SendMIDs: []media.MID{"0", "1"}}.check(4)
	if err != nil {
		t.Fatal(err)
	}
	r, err := withRIDs(groupedOffer, lines)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(groupedOffer[:strings.Index(groupedOffer, "a=ssrc-group")], "", "") +
		"a=msid:- -\r\na=extmap:14 " + uriMID + "\r\na=extmap:12 " + uriRID + "\r\na=extmap:11 " + uriRepairedRID + "\r\n" +
		"a=rid:0 send\r\na=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 0;1;2\r\n"
	if r.sdp != want {
		t.Errorf("offer\n%s\nwant\n%s", r.sdp, want)
	}
	again, err := Offer{SDP: r.sdp}.check(4)
	if err != nil || !slices.Equal(again["1"].rids, lines["1"].rids) || again["1"].group != nil {
		t.Errorf("reads as %+v, %v", again["1"], err)
	}
	ids := [3]uint8{14, 12, 11}
	for ssrc, want := range map[media.SSRC]streamName{
		1: {"1", "0", false, ids}, 2: {"1", "1", false, ids}, 3: {"1", "2", false, ids},
		4: {"1", "0", true, ids}, 6: {"1", "2", true, ids},
	} {
		if got := r.names[ssrc]; got != want {
			t.Errorf("SSRC %d is %+v, want %+v", ssrc, got, want)
		}
	}
	if len(r.names) != 5 {
		t.Errorf("names %v", r.names)
	}
	answer := "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=extmap:14 " + uriMID + "\r\nm=video 9 X 96\r\na=mid:1\r\n"
	added := "a=extmap:14 " + uriMID + "\r\na=extmap:12 " + uriRID + "\r\na=rid:0 recv\r\na=simulcast:recv 0;1;2\r\n"
	if got := r.answerTo(answer + added + "a=recvonly\r\n"); got != answer+"a=recvonly\r\n" {
		t.Errorf("answer\n%s", got)
	}
	plain := stored(t, "chromium-camera-simulcast")
	if lines, err = (Offer{SDP: plain}).check(4); err != nil {
		t.Fatal(err)
	}
	if r, err := withRIDs(plain, lines); err != nil || r.sdp != plain || r.names != nil || r.answerTo(plain) != plain {
		t.Errorf("an offer without groups was changed, %v", err)
	}
}

func TestGroupsNeedFreeExtensions(t *testing.T) {
	var all strings.Builder
	for id := 1; id <= 14; id++ {
		all.WriteString("a=extmap:" + string(rune('0'+id/10)) + string(rune('0'+id%10)) + " some:uri\r\n")
	}
	offer := strings.Replace(groupedOffer, "a=extmap:13/sendonly some:uri\r\n", all.String(), 1)
	lines, err := Offer{SDP: offer}.check(4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := withRIDs(offer, lines); err == nil {
		t.Error("accepted, with no id left")
	}
}

func TestNamedPacketsKeepTheRest(t *testing.T) {
	name := streamName{mid: "1", rid: "2", ids: [3]uint8{4, 10, 11}}
	repaired := name
	repaired.rtx = true
	for _, h := range []rtp.Header{
		{Version: 2, SSRC: 1, SequenceNumber: 7, Timestamp: 8, PayloadType: 96, Marker: true},
		{Version: 2, CSRC: []uint32{1, 2}, Extension: true, ExtensionProfile: rtp.ExtensionProfileOneByte},
		{Version: 2, Extension: true, ExtensionProfile: rtp.ExtensionProfileTwoByte},
		{Version: 2, Padding: true, PaddingSize: 9},
	} {
		if h.Extension {
			if err := h.SetExtension(3, []byte{1, 2}); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := (&rtp.Packet{Header: h, Payload: []byte("payload")}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []streamName{name, repaired} {
			n := newNamer(name)
			for i := range namedPackets + 2 {
				var p rtp.Packet
				if err := p.Unmarshal(n.handle(raw)); err != nil {
					t.Fatal(err)
				}
				rid, other := p.GetExtension(10), p.GetExtension(11)
				if name.rtx {
					rid, other = other, rid
				}
				if named := i < namedPackets; named != (string(p.GetExtension(4)) == "1" && string(rid) == "2") || other != nil {
					t.Errorf("packet %d of %+v: %+v", i, h, p.Header)
				}
				if string(p.Payload) != "payload" || p.SequenceNumber != h.SequenceNumber || p.Marker != h.Marker ||
					h.Extension && string(p.GetExtension(3)) != "\x01\x02" || len(p.CSRC) != len(h.CSRC) {
					t.Errorf("packet %d of %+v: %+v", i, h, p)
				}
			}
		}
	}
}

// FuzzNamer names any packet: what comes out is RTP with the same payload, or what went in.
func FuzzNamer(f *testing.F) {
	f.Add([]byte{0x80, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xAA})
	f.Add([]byte{0xB0, 0xE0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x10, 0x85, 0, 0, 0xAA, 1})
	f.Add([]byte{0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0x00, 0, 1, 12, 2, 7, 7, 0xAA})
	f.Add([]byte{0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x12, 0x34, 0, 1, 12, 2, 7, 7, 0xAA})
	f.Add(make([]byte, packet.MaxBytes))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := newNamer(streamName{mid: "video", rid: "2", ids: [3]uint8{14, 13, 12}})
		got := n.handle(raw)
		if len(got) > max(packet.MaxBytes, len(raw)) {
			t.Fatalf("%d bytes became %d", len(raw), len(got))
		}
		var before, after rtp.Packet
		if before.Unmarshal(raw) != nil {
			if string(got) != string(raw) {
				t.Fatal("changed what is not RTP")
			}
			return
		}
		if err := after.Unmarshal(got); err != nil || string(after.Payload) != string(before.Payload) {
			t.Fatalf("payload %x became %x, %v", before.Payload, after.Payload, err)
		}
	})
}
