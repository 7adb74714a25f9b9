package sim

import (
	"encoding/binary"
	"time"
)

// truthBytes is the size of a truth in a payload; truthMark begins it.
const (
	truthBytes = 48
	truthMark  = 0x54525554
)

// truth is what the encoder knows about a frame. Each packet of the frame carries it where the media would be, behind all
// that the server reads. The model decoder goes by it, so a wrong number that misleads the server does not mislead the
// judge.
type truth struct {
	// stream names the encoder of one encoding in the World; frame counts its frames.
	stream, frame uint32
	// references are what the frame is predicted from, as frames of the same stream.
	references     [3]uint32
	referenceCount uint8
	key            bool
	// encoding is the place of the stream in its simulcast track.
	encoding, spatial, temporal uint8
	// index is the number of the packet in the frame, of count.
	index, count uint16
	// captured is when the picture was taken, or the sound heard, in virtual time.
	captured time.Time
	// width is that of the picture.
	width uint16
}

// append writes the truth.
func (t *truth) append(dst []byte) []byte {
	b := binary.BigEndian
	dst = b.AppendUint32(dst, truthMark)
	dst = b.AppendUint32(dst, t.stream)
	dst = b.AppendUint32(dst, t.frame)
	for _, r := range t.references {
		dst = b.AppendUint32(dst, r)
	}
	key := uint8(0)
	if t.key {
		key = 1
	}
	dst = append(dst, t.referenceCount, key, t.encoding, t.spatial, t.temporal, 0)
	dst = b.AppendUint16(dst, t.index)
	dst = b.AppendUint16(dst, t.count)
	dst = b.AppendUint16(dst, t.width)
	dst = b.AppendUint64(dst, uint64(t.captured.UnixNano()))
	return append(dst, 0, 0, 0, 0)
}

// readTruth reads the truth behind a payload descriptor and the headers of the codec: the last bytes that are one.
func readTruth(media []byte) (t truth, ok bool) {
	if len(media) < truthBytes || binary.BigEndian.Uint32(media) != truthMark {
		return t, false
	}
	b := binary.BigEndian
	t.stream, t.frame = b.Uint32(media[4:]), b.Uint32(media[8:])
	for i := range t.references {
		t.references[i] = b.Uint32(media[12+4*i:])
	}
	t.referenceCount = media[24]
	t.key = media[25] == 1
	t.encoding, t.spatial, t.temporal = media[26], media[27], media[28]
	t.index, t.count = b.Uint16(media[30:]), b.Uint16(media[32:])
	t.width = b.Uint16(media[34:])
	t.captured = time.Unix(0, int64(b.Uint64(media[36:]))).UTC() //nolint:gosec // as written
	return t, true
}
