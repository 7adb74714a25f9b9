package codec

import "hiroba/sfu/media"

// Info is what the server wants to know of any packet, whatever its codec.
type Info struct {
	// Keyframe says that this packet starts a keyframe: decoding can begin with it. Always true for audio.
	Keyframe bool
	// StartOfFrame says that this packet starts a frame. Without a dependency descriptor several packets of a frame of
	// H.264, H.265 or AV1 can say so.
	StartOfFrame bool
	// EndOfFrame says that this packet ends a frame, that is one spatial layer of one instant. VP8, H.264, H.265, and AV1
	// without a dependency descriptor do not say so: there it is the marker of the RTP header.
	EndOfFrame bool

	// Layered says that the packet names its layers; otherwise Spatial and Temporal are 0.
	Layered           bool
	Spatial, Temporal uint8
	// SwitchUp says that who received all lower temporal layers can begin to receive this one, from this frame on. It is
	// true for keyframes.
	SwitchUp bool
	// Intra says that the frame depends on no earlier picture, at most on lower spatial layers of its own: who gets those
	// can begin to receive this spatial layer with it.
	Intra bool
	// Discardable says that no other frame depends on this one. It is false where the packet does not say.
	Discardable bool
	// NotForUpper says that no higher spatial layer is predicted from this frame, so that who gets one of those does not
	// need it. It is false where the packet does not say.
	NotForUpper bool

	// Width and Height are the size of the picture in pixels, 0 where the packet does not say.
	Width, Height uint16
	// DTX says that the packet is the comfort noise that Opus sends in silence (RFC 7587, section 3.1.3).
	DTX bool

	// HasDescriptor says that there is a dependency descriptor, FrameNumber is its frame number.
	HasDescriptor bool
	FrameNumber   uint16
}

// Inspect reads an RTP payload of the codec c, without padding, and the dependency descriptor dd that came with it, if
// any. It knows nothing of other packets; see Inspector.
func Inspect(c media.Codec, payload, dd []byte) (Info, error) {
	info, err := inspectPayload(c, payload)
	if err != nil {
		return Info{}, err
	}
	if len(dd) == 0 {
		return info, nil
	}
	head, err := ParseDescriptorHead(dd)
	if err != nil {
		return Info{}, err
	}
	info.addHead(c, head)
	return info, nil
}

func (i *Info) addHead(c media.Codec, head DescriptorHead) {
	i.HasDescriptor = true
	i.FrameNumber = head.FrameNumber
	i.StartOfFrame = head.StartOfFrame
	i.EndOfFrame = head.EndOfFrame
	if c == media.AV1 && head.StartOfFrame && head.HasStructure {
		i.Keyframe, i.SwitchUp, i.Intra = true, true, true
	}
}

func inspectPayload(c media.Codec, payload []byte) (Info, error) {
	switch c {
	case media.Opus:
		toc, err := ParseOpus(payload)
		return Info{Keyframe: true, StartOfFrame: true, EndOfFrame: true, DTX: toc.DTX}, err
	case media.RED:
		return inspectRED(payload)
	case media.VP8:
		d, err := ParseVP8(payload)
		return infoOfVP8(d), err
	case media.VP9:
		d, err := ParseVP9(payload)
		return infoOfVP9(&d), err
	case media.H264:
		d, err := ParseH264(payload)
		return infoOfH264(d), err
	case media.H265:
		d, err := ParseH265(payload)
		return infoOfH265(d), err
	case media.AV1:
		d, err := ParseAV1(payload)
		return infoOfAV1(d), err
	default:
		return Info{}, ErrUnsupported
	}
}

func infoOfVP8(d VP8) Info {
	return Info{
		Keyframe:     d.Keyframe,
		StartOfFrame: d.StartsFrame(),
		Layered:      d.HasTID,
		Temporal:     d.TID,
		SwitchUp:     d.Keyframe || d.LayerSync,
		Intra:        d.Keyframe,
		Discardable:  d.NonReference,
		Width:        d.Width,
		Height:       d.Height,
	}
}

func infoOfVP9(d *VP9) Info {
	i := Info{
		Keyframe:     d.StartsKeyframe(),
		StartOfFrame: d.Start,
		EndOfFrame:   d.End,
		Layered:      d.HasLayers,
		Spatial:      d.SID,
		Temporal:     d.TID,
		SwitchUp:     d.SwitchUp || !d.InterPicture,
		Intra:        !d.InterPicture,
		NotForUpper:  d.NotForUpper,
	}
	if n := d.SpatialLayers; n > 0 { // of the whole picture: its highest layer
		i.Width, i.Height = d.Widths[n-1], d.Heights[n-1]
	}
	return i
}

func infoOfH264(d H264) Info {
	return Info{
		Keyframe:     d.StartsKeyframe(),
		StartOfFrame: d.StartsFrame,
		SwitchUp:     d.StartsKeyframe(),
		Intra:        d.StartsKeyframe(),
		Discardable:  d.NonReference,
		Width:        d.Width,
		Height:       d.Height,
	}
}

func infoOfH265(d H265) Info {
	return Info{
		Keyframe:     d.StartsKeyframe(),
		StartOfFrame: d.StartsFrame,
		Layered:      true,
		Temporal:     d.TID,
		SwitchUp:     d.SwitchUp || d.StartsKeyframe(),
		Intra:        d.StartsKeyframe(),
		Width:        d.Width,
		Height:       d.Height,
	}
}

// inspectRED is about the newest sound in a packet of RED.
func inspectRED(payload []byte) (Info, error) {
	red, err := ParseRED(payload)
	if err != nil {
		return Info{}, err
	}
	return inspectPayload(media.Opus, red.Primary())
}

func infoOfAV1(d AV1) Info {
	return Info{
		Keyframe:     d.StartsKeyframe(),
		StartOfFrame: d.StartsFrame || d.StartsKeyframe(), // the OBU that does may be cut off
		Layered:      d.HasLayers,
		Spatial:      d.SID,
		Temporal:     d.TID,
		SwitchUp:     d.StartsKeyframe(),
		Intra:        d.StartsKeyframe(),
		Width:        d.Width,
		Height:       d.Height,
	}
}
