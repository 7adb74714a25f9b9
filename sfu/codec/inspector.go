package codec

import (
	"errors"

	"hiroba/sfu/media"
)

// Inspector is Inspect for the packets of one stream. It remembers the template structure of the newest keyframe, so
// that the dependency descriptor tells the layers too. The zero value is ready to use.
type Inspector struct {
	reader DescriptorReader
	// Descriptor is the dependency descriptor of the last packet. It is valid if that one's Info says HasDescriptor;
	// beyond its head only if DecodeTargets is not 0.
	Descriptor Descriptor
}

// Structure is the template structure of the newest keyframe, nil where there is none. It is valid until the next
// Inspect.
func (i *Inspector) Structure() *Structure { return i.reader.Structure() }

// ActiveTargets are the decode targets that the sender produces at present (see DescriptorReader).
func (i *Inspector) ActiveTargets() uint32 { return i.reader.ActiveTargets() }

// Inspect reads an RTP payload of the codec c, without padding, and the dependency descriptor dd that came with it, if
// any. What the descriptor says about layers prevails over the payload.
func (i *Inspector) Inspect(c media.Codec, payload, dd []byte) (Info, error) {
	info, err := inspectPayload(c, payload)
	if err != nil {
		return Info{}, err
	}
	if len(dd) == 0 {
		return info, nil
	}
	err = i.reader.Read(dd, &i.Descriptor)
	if err != nil && !errors.Is(err, ErrNoStructure) {
		return Info{}, err
	}
	info.addHead(c, i.Descriptor.DescriptorHead)
	if err == nil {
		info.addDescriptor(&i.Descriptor, i.reader.Structure())
	}
	return info, nil
}

func (i *Info) addDescriptor(d *Descriptor, s *Structure) {
	i.Layered = true
	i.Spatial, i.Temporal = d.Spatial, d.Temporal
	i.Discardable = d.Discardable()
	i.Intra = i.Keyframe || d.Intra()
	i.SwitchUp = i.Keyframe || d.SwitchUp
	i.NotForUpper = d.notForUpper(s)
	if d.HasStructure && d.PictureWidth != 0 { // else the payload may tell
		i.Width, i.Height = d.PictureWidth, d.PictureHeight
	}
}
