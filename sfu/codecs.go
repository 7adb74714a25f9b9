package sfu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// The URIs of the header extensions that the server reads or writes.
const (
	uriMID                  = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID                  = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairedRID          = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriAudioLevel           = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriAbsSendTime          = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
	uriTransportCC          = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	uriDependencyDescriptor = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

// mimeRED is RED around Opus (RFC 2198); that around video is another.
const mimeRED = "audio/red"

// newMediaEngine makes the MediaEngine of all peers. It holds only what rooms use: with a browser's whole list each
// negotiation costs an order of magnitude more CPU.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	video := []webrtc.RTCPFeedback{
		{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"},
	}
	codecs := []struct {
		codec media.Codec
		pt    webrtc.PayloadType
		mime  string
		fmtp  string
	}{
		{media.VP8, 96, webrtc.MimeTypeVP8, ""},
		{media.VP9, 98, webrtc.MimeTypeVP9, "profile-id=0"},
		{media.H264, 102, webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
		{media.AV1, 45, webrtc.MimeTypeAV1, "level-idx=5;profile=0;tier=0"},
		{media.H265, 49, webrtc.MimeTypeH265, "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"},
	}
	m := &webrtc.MediaEngine{}
	// Opus and RED go without parameters, which makes all that clients offer match, whatever they say of FEC, DTX or
	// channels. Their own parameters are what is answered.
	for _, c := range []struct {
		pt   webrtc.PayloadType
		mime string
	}{{111, webrtc.MimeTypeOpus}, {63, mimeRED}} {
		if err := m.RegisterCodec(webrtc.RTPCodecParameters{
			PayloadType: c.pt,
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: c.mime, ClockRate: media.Opus.ClockRate(), Channels: 2,
				RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
			},
		}, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("register %s: %w", c.mime, err)
		}
	}
	for _, c := range codecs {
		for _, p := range []webrtc.RTPCodecParameters{
			{PayloadType: c.pt, RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: c.mime, ClockRate: c.codec.ClockRate(), SDPFmtpLine: c.fmtp, RTCPFeedback: video,
			}},
			{PayloadType: c.pt + 1, RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: c.codec.ClockRate(), SDPFmtpLine: fmt.Sprintf("apt=%d", c.pt),
			}},
		} {
			if err := m.RegisterCodec(p, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, fmt.Errorf("register %s: %w", p.MimeType, err)
			}
		}
	}
	both := []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo}
	for _, e := range []struct {
		uri   string
		kinds []webrtc.RTPCodecType
	}{
		{uriMID, both},
		{uriAbsSendTime, both},
		{uriTransportCC, both},
		{uriAudioLevel, both[:1]},
		{uriRID, both[1:]},
		{uriRepairedRID, both[1:]},
		{uriDependencyDescriptor, both[1:]},
	} {
		for _, kind := range e.kinds {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: e.uri}, kind); err != nil {
				return nil, fmt.Errorf("register header extension %s: %w", e.uri, err)
			}
		}
	}
	return m, nil
}

// payloadTypes are the payload types that one client uses for the codecs of rooms, and of their retransmissions; 0 where
// it has none.
type payloadTypes struct {
	media, rtx [media.Codecs]media.PayloadType
	// codecs is the way back, from a payload type.
	codecs [128]media.Codec
	// repaired is the payload type whose packets are sent again under this one; 0 for others than those of RTX.
	repaired [128]media.PayloadType
}

// newPayloadTypes reads a negotiated list of codecs.
func newPayloadTypes(codecs []webrtc.RTPCodecParameters) payloadTypes {
	var p payloadTypes
	for _, c := range codecs {
		known := media.ParseCodec(c.MimeType)
		pt := media.PayloadType(c.PayloadType)
		if known == media.CodecUnknown || pt > 127 || p.media[known] != 0 {
			continue
		}
		p.media[known] = pt
		p.codecs[pt] = known
		apt := fmt.Sprintf("apt=%d", pt)
		if i := slices.IndexFunc(codecs, func(r webrtc.RTPCodecParameters) bool {
			return media.ParseCodec(r.MimeType) == media.CodecUnknown && r.SDPFmtpLine == apt
		}); i >= 0 {
			p.rtx[known] = media.PayloadType(codecs[i].PayloadType)
			p.repaired[codecs[i].PayloadType&0x7F] = pt
		}
	}
	if red := p.media[media.RED]; red != 0 && !p.isREDOfOpus(codecs) {
		p.media[media.RED], p.codecs[red] = 0, media.CodecUnknown
	}
	return p
}

// isREDOfOpus reports whether what the client calls RED has Opus in its blocks: its parameters are their payload types, as
// in "111/111" (RFC 2198, section 5).
func (p *payloadTypes) isREDOfOpus(codecs []webrtc.RTPCodecParameters) bool {
	i := slices.IndexFunc(codecs, func(c webrtc.RTPCodecParameters) bool {
		return media.PayloadType(c.PayloadType) == p.media[media.RED]
	})
	if p.media[media.Opus] == 0 || i < 0 {
		return false
	}
	opus := strconv.Itoa(int(p.media[media.Opus]))
	for block := range strings.SplitSeq(codecs[i].SDPFmtpLine, "/") {
		if block != opus {
			return false
		}
	}
	return true
}

// readExtensions finds the header extensions that are read.
func readExtensions(list []webrtc.RTPHeaderExtensionParameter) packet.ExtensionIDs {
	return packet.ExtensionIDs{
		AudioLevel:           extensionID(list, uriAudioLevel),
		DependencyDescriptor: extensionID(list, uriDependencyDescriptor),
		TransportSequence:    extensionID(list, uriTransportCC),
		MID:                  extensionID(list, uriMID),
		RID:                  extensionID(list, uriRID),
		RepairedRID:          extensionID(list, uriRepairedRID),
	}
}

// extensionID finds the id of a header extension in a negotiated list; 0 when it is not in it.
func extensionID(list []webrtc.RTPHeaderExtensionParameter, uri string) uint8 {
	for _, e := range list {
		if e.URI == uri {
			return uint8(e.ID) //nolint:gosec // ids are at most 255 (RFC 8285)
		}
	}
	return 0
}
