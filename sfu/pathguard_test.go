package sfu

import (
	"errors"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// TestPionSendsNothingUnderTheUplinksSSRC: it counts the indices of SRTCP by itself, so two packets would have one nonce. What
// another SSRC sends about the uplink's is something else.
func TestPionSendsNothingUnderTheUplinksSSRC(t *testing.T) {
	const ours, other = 0x0A0B0C0D, 7
	p := &Peer{uplink: &uplink{ssrc: ours}}
	written := 0
	guard := (&pathGuard{peer: p}).BindRTCPWriter(interceptor.RTCPWriterFunc(
		func(packets []rtcp.Packet, _ interceptor.Attributes) (int, error) {
			if b, err := rtcp.Marshal(packets); err == nil && len(b) >= 8 && [4]byte(b[4:]) == [4]byte{0x0A, 0x0B, 0x0C, 0x0D} {
				t.Errorf("%v came through", packets)
			}
			written++
			return 0, nil
		},
	))
	for _, path := range []Path{PathUndecided, PathOwn, PathPion} {
		p.path.Store(path)
		for _, ssrc := range []uint32{ours, other} {
			for _, packets := range [][]rtcp.Packet{
				{&rtcp.SenderReport{SSRC: ssrc}, &rtcp.SourceDescription{}},
				{&rtcp.ReceiverReport{SSRC: ssrc}},
				{&rtcp.TransportLayerNack{SenderSSRC: ssrc, MediaSSRC: other, Nacks: []rtcp.NackPair{{PacketID: 1}}}},
				{&rtcp.PictureLossIndication{SenderSSRC: ssrc, MediaSSRC: other}},
				{&rtcp.FullIntraRequest{SenderSSRC: ssrc, MediaSSRC: other}},
				{&rtcp.TransportLayerCC{SenderSSRC: ssrc, MediaSSRC: other}},
				{&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: ssrc, Bitrate: 1e6}},
				{&rtcp.Goodbye{Sources: []uint32{ssrc}}},
				{&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc}}}},
				{&rtcp.ApplicationDefined{SSRC: ssrc, Name: "test"}},
			} {
				written = 0
				_, err := guard.Write(packets, nil)
				if refused := errors.Is(err, errUplinksSSRC); refused != (ssrc == ours) || (written == 1) == refused {
					t.Errorf("%T of %#x: %d came through, %v", packets[0], ssrc, written, err)
				}
			}
		}
	}
	if _, err := guard.Write([]rtcp.Packet{&rtcp.PictureLossIndication{SenderSSRC: other, MediaSSRC: ours}}, nil); err != nil {
		t.Error(err)
	}
	if _, err := guard.Write(nil, nil); err != nil {
		t.Error(err)
	}
}
