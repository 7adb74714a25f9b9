package client

import (
	"fmt"
	"slices"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
)

// The URIs of the header extensions that the client offers.
const (
	uriMID        = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID        = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepaired   = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTransport  = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// payloadTypes are numbers that browsers use, but not all those of one browser: a server that relied on some numbers
// would be found out. The number after each video codec's is that of its RTX.
var payloadTypes = map[media.Codec]webrtc.PayloadType{
	media.Opus: 109, media.VP8: 96, media.VP9: 98, media.H264: 102, media.AV1: 45, media.H265: 49,
	media.RED: 63,
}

var allVideoCodecs = []media.Codec{media.VP8, media.VP9, media.H264, media.AV1, media.H265}

// codecParameters are what an SDP says of a codec and, for video, of its RTX.
func codecParameters(c media.Codec) []webrtc.RTPCodecParameters {
	video := []webrtc.RTCPFeedback{
		{Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"},
	}
	capability := webrtc.RTPCodecCapability{ClockRate: c.ClockRate(), RTCPFeedback: video}
	switch c {
	case media.Opus:
		capability.MimeType, capability.Channels = webrtc.MimeTypeOpus, 2
		capability.SDPFmtpLine = "minptime=10;useinbandfec=1"
		capability.RTCPFeedback = []webrtc.RTCPFeedback{{Type: "transport-cc"}}
	case media.RED:
		capability.MimeType, capability.Channels = mimeRED, 2
		capability.SDPFmtpLine = fmt.Sprintf("%d/%[1]d", payloadTypes[media.Opus])
		capability.RTCPFeedback = []webrtc.RTCPFeedback{{Type: "transport-cc"}}
	case media.VP8:
		capability.MimeType = webrtc.MimeTypeVP8
	case media.VP9:
		capability.MimeType, capability.SDPFmtpLine = webrtc.MimeTypeVP9, "profile-id=0"
	case media.H264:
		capability.MimeType = webrtc.MimeTypeH264
		capability.SDPFmtpLine = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	case media.AV1:
		capability.MimeType, capability.SDPFmtpLine = webrtc.MimeTypeAV1, "level-idx=5;profile=0;tier=0"
	case media.H265:
		capability.MimeType = webrtc.MimeTypeH265
		capability.SDPFmtpLine = "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"
	default:
		panic("client: no such codec")
	}
	pt := payloadTypes[c]
	out := []webrtc.RTPCodecParameters{{RTPCodecCapability: capability, PayloadType: pt}}
	if c.Kind() == media.Video {
		out = append(out, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: c.ClockRate(), SDPFmtpLine: fmt.Sprintf("apt=%d", pt),
			},
			PayloadType: pt + 1,
		})
	}
	return out
}

// codecPreferences are the parameters of several codecs, for a transceiver.
func codecPreferences(codecs []media.Codec) (out []webrtc.RTPCodecParameters) {
	for _, c := range codecs {
		out = append(out, codecParameters(c)...)
	}
	return out
}

// CodecOf is the codec of a payload type that the client offers, and whether it is that of retransmissions (RFC 4588);
// CodecUnknown for others.
func CodecOf(pt media.PayloadType) (codec media.Codec, rtx bool) {
	if c := codecOf(uint8(pt)); c != media.CodecUnknown {
		return c, false
	}
	c := codecOf(uint8(pt) - 1)
	return c, c != media.CodecUnknown
}

// codecOf is the codec of a payload type; CodecUnknown for RTX and for what was not offered.
func codecOf(pt uint8) media.Codec {
	for c, known := range payloadTypes {
		if uint8(known) == pt {
			return c
		}
	}
	return media.CodecUnknown
}

func newMediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, c := range slices.Concat(soundCodecs(true), allVideoCodecs) {
		kind := webrtc.RTPCodecTypeVideo
		if c.Kind() == media.Audio {
			kind = webrtc.RTPCodecTypeAudio
		}
		for _, p := range codecParameters(c) {
			if err := m.RegisterCodec(p, kind); err != nil {
				return nil, fmt.Errorf("register %s: %w", p.MimeType, err)
			}
		}
	}
	for uri, kinds := range map[string][]webrtc.RTPCodecType{
		uriMID:        {webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo},
		uriTransport:  {webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo},
		uriRID:        {webrtc.RTPCodecTypeVideo},
		uriRepaired:   {webrtc.RTPCodecTypeVideo},
		uriAudioLevel: {webrtc.RTPCodecTypeAudio},
	} {
		for _, kind := range kinds {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return nil, fmt.Errorf("register header extension %s: %w", uri, err)
			}
		}
	}
	return m, nil
}
