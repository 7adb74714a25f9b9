package trace

import (
	"fmt"
	"strings"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// What a step does: the method of Line that was called.
const (
	doStart    = "start" // no step: the head of the trace
	doLine     = "line"  // no step: a line's state
	doTarget   = "target"
	doWanted   = "wanted"
	doRTT      = "rtt"
	doVacate   = "vacate"
	doRestart  = "restart"
	doRTP      = "rtp"
	doReplay   = "replay"
	doNACK     = "nack"
	doKeyframe = "keyframe"
)

// Step is one call of a line's method and what came of it.
type Step struct {
	Do string `json:"do"`
	// Line is an index of the lines at the head of the trace.
	Line int           `json:"line"`
	At   time.Duration `json:"at"`
	// Track is the up track that the step is about, or the target.
	Track     media.CSRC    `json:"track,omitzero"`
	Simulcast bool          `json:"simulcast,omitzero"`
	Wanted    Layer         `json:"wanted,omitzero"`
	Best      int8          `json:"best,omitzero"`
	RTT       time.Duration `json:"rtt,omitzero"`
	// Asked is the sequence number that a NACK asks for.
	Asked  uint16 `json:"asked,omitzero"`
	Packet Facts  `json:"packet,omitzero"`
	Got    Got    `json:"got,omitzero"`
}

// Layer is a media.Layer with the names of the trace.
type Layer struct {
	Spatial  int8 `json:"spatial"`
	Temporal int8 `json:"temporal"`
}

func layerOf(l media.Layer) Layer { return Layer(l) }

// Got is what a line decided.
type Got struct {
	// Layer is what is sent after a packet; its Spatial is -1 for none.
	Layer Layer `json:"layer,omitzero"`
	// Dropped is the reason, or Sent how the packet was sent.
	Dropped string `json:"dropped,omitzero"`
	Sent    *Sent  `json:"sent,omitzero"`
	// Needed says that a keyframe of Encoding is.
	Needed   bool `json:"needed,omitzero"`
	Encoding int8 `json:"encoding,omitzero"`
}

// Sent is how a packet was sent to the subscriber.
type Sent struct {
	Sequence    uint16            `json:"seq"`
	Timestamp   uint32            `json:"ts"`
	Switched    bool              `json:"switched,omitzero"`
	Marker      bool              `json:"marker,omitzero"`
	Empty       bool              `json:"empty,omitzero"`
	Unpacked    bool              `json:"unpacked,omitzero"`
	PayloadType media.PayloadType `json:"pt"`
	PictureID   uint16            `json:"pictureId,omitzero"`
	TL0PicIdx   uint8             `json:"tl0picidx,omitzero"`
	KeyIdx      uint8             `json:"keyidx,omitzero"`
	FrameNumber uint16            `json:"frame,omitzero"`
	Active      uint32            `json:"active,omitzero"`
	RTXSequence *uint16           `json:"rtxSeq,omitzero"`
}

// Facts is all that a line looks at in a packet.
type Facts struct {
	// Source names the incoming stream, Sequence is its extended sequence number.
	Source    uint32        `json:"source"`
	Sequence  int64         `json:"seq"`
	Timestamp uint32        `json:"ts"`
	Captured  time.Duration `json:"captured"`
	Codec     string        `json:"codec"`
	// Bytes is the size of the packet, Payload that of its payload.
	Bytes   int `json:"bytes"`
	Payload int `json:"payload"`
	// Primary is the size of the newest sound in RED.
	Primary  int   `json:"primary,omitzero"`
	Encoding int8  `json:"encoding,omitzero"`
	Spatial  uint8 `json:"spatial,omitzero"`
	Temporal uint8 `json:"temporal,omitzero"`
	Flags    Flags `json:"flags,omitzero"`
	// The numbers of the payload descriptor, of VP8 or VP9, and of the dependency descriptor.
	PictureID   uint16 `json:"pictureId,omitzero"`
	TL0PicIdx   uint8  `json:"tl0picidx,omitzero"`
	KeyIdx      uint8  `json:"keyidx,omitzero"`
	FrameNumber uint16 `json:"frame,omitzero"`
	// Active are the decode targets that the publisher produces, Targets the masks for each layer, with a structure.
	Active  uint32                                               `json:"active,omitzero"`
	Targets *[media.MaxSpatial + 1][media.MaxTemporal + 1]uint32 `json:"targets,omitzero"`
}

// Flags are what is true of a packet, in a trace a letter each: m marker, s and e start and end of a frame, k keyframe,
// i intra, u switching up, n not for upper layers, d dependency descriptor, t template structure, a active decode targets,
// r recovered from redundancy.
type Flags uint16

const flagLetters = "msekiundtar"

// MarshalText implements encoding.TextMarshaler.
func (f Flags) MarshalText() ([]byte, error) {
	text := make([]byte, 0, len(flagLetters))
	for i := range len(flagLetters) {
		if f&(1<<i) != 0 {
			text = append(text, flagLetters[i])
		}
	}
	return text, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Flags) UnmarshalText(text []byte) error {
	*f = 0
	for _, letter := range text {
		i := strings.IndexByte(flagLetters, letter)
		if i < 0 {
			return fmt.Errorf("unknown flag %q", letter)
		}
		*f |= 1 << i
	}
	return nil
}

// flagsOf are the flags of a packet; each is where its letter is in flagLetters.
func flagsOf(p *packet.Packet) (f Flags) {
	for i, set := range [...]bool{
		p.Header.Marker, p.Info.StartOfFrame, p.Info.EndOfFrame, p.Info.Keyframe, p.Info.Intra, p.Info.SwitchUp,
		p.Info.NotForUpper, p.Info.HasDescriptor, p.Descriptor.HasStructure, p.Descriptor.HasActiveTargets,
		p.Recovered,
	} {
		if set {
			f |= 1 << i
		}
	}
	return f
}

// facts are those of a packet.
func (r *Recorder) facts(p *packet.Packet) Facts {
	f := Facts{
		Source: p.Source, Sequence: p.Sequence, Timestamp: p.Header.Timestamp, Captured: p.Captured.Sub(r.started),
		Codec: p.Codec.String(), Bytes: len(p.Bytes()), Payload: len(p.Payload()), Encoding: p.Encoding,
		Spatial: p.Info.Spatial, Temporal: p.Info.Temporal, Flags: flagsOf(p), FrameNumber: p.Info.FrameNumber,
	}
	switch p.Codec {
	case media.VP8:
		f.PictureID, f.TL0PicIdx, f.KeyIdx = p.VP8.PictureID, p.VP8.TL0PicIdx, p.VP8.KeyIdx
	case media.VP9:
		f.PictureID, f.TL0PicIdx = p.VP9.PictureID, p.VP9.TL0PicIdx
	case media.RED:
		f.Primary = len(p.Slice(p.Primary))
	default:
	}
	if p.Info.HasDescriptor {
		f.Active = p.Descriptor.ActiveTargets
		if p.Descriptor.HasStructure {
			targets := p.Targets
			f.Targets = &targets
		}
	}
	return f
}

// packet makes a packet of which these facts are true. Its payload is zeros.
func (f *Facts) packet(start time.Time) (*packet.Packet, error) {
	if f.Bytes < 0 || f.Bytes > packet.MaxBytes || f.Payload < 0 || f.Payload > f.Bytes ||
		f.Primary < 0 || f.Primary > f.Payload {
		return nil, fmt.Errorf("a packet of %d bytes with a payload of %d", f.Bytes, f.Payload)
	}
	p := &packet.Packet{
		Source: f.Source, Sequence: f.Sequence, Captured: start.Add(f.Captured), Arrived: start.Add(f.Captured),
		Encoding: f.Encoding, Codec: codecNamed(f.Codec),
		Info: codec.Info{Spatial: f.Spatial, Temporal: f.Temporal, FrameNumber: f.FrameNumber},
		VP8:  codec.VP8{PictureID: f.PictureID, TL0PicIdx: f.TL0PicIdx, KeyIdx: f.KeyIdx},
		VP9:  codec.VP9{PictureID: f.PictureID, TL0PicIdx: f.TL0PicIdx},
	}
	p.SetLen(f.Bytes)
	p.Header.Timestamp = f.Timestamp
	p.Header.Payload = packet.Span{From: uint16(f.Bytes - f.Payload), To: uint16(f.Bytes)} //nolint:gosec // checked above
	p.Primary = packet.Span{From: uint16(f.Bytes - f.Primary), To: uint16(f.Bytes)}        //nolint:gosec // checked above
	p.Descriptor.ActiveTargets = f.Active
	if f.Targets != nil {
		p.Targets = *f.Targets
	}
	for i, set := range [...]*bool{
		&p.Header.Marker, &p.Info.StartOfFrame, &p.Info.EndOfFrame, &p.Info.Keyframe, &p.Info.Intra, &p.Info.SwitchUp,
		&p.Info.NotForUpper, &p.Info.HasDescriptor, &p.Descriptor.HasStructure, &p.Descriptor.HasActiveTargets,
		&p.Recovered,
	} {
		*set = f.Flags&(1<<i) != 0
	}
	return p, nil
}

// codecNamed is the codec that spells itself like this.
func codecNamed(name string) media.Codec {
	for c := media.Opus; c < media.Codecs; c++ {
		if c.String() == name {
			return c
		}
	}
	return media.CodecUnknown
}
