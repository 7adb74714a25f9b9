package synthetic

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrBadIVF is a file that is not IVF, or cut short.
var ErrBadIVF = errors.New("bad IVF file")

// AppendIVFHeader appends the header of an IVF file: a plain sequence of frames, which ffmpeg and most players of test
// clips read. The FourCC is one of "VP80", "VP90", "AV01"; this package also uses "H264", "H265" and "OPUS".
func AppendIVFHeader(dst []byte, fourCC string, width, height, fps, frames int) []byte {
	dst = append(dst, "DKIF\x00\x00\x20\x00"...)
	dst = append(dst, fourCC[:4]...)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(width))  //nolint:gosec // the caller's clip
	dst = binary.LittleEndian.AppendUint16(dst, uint16(height)) //nolint:gosec // likewise
	dst = binary.LittleEndian.AppendUint32(dst, uint32(fps))    //nolint:gosec // likewise
	dst = binary.LittleEndian.AppendUint32(dst, 1)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(frames)) //nolint:gosec // likewise
	return append(dst, 0, 0, 0, 0)
}

// AppendIVFFrame appends the n-th frame, counted from 0.
func AppendIVFFrame(dst []byte, n int, frame []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(frame))) //nolint:gosec // a frame of a clip
	dst = binary.LittleEndian.AppendUint64(dst, uint64(n))          //nolint:gosec // likewise
	return append(dst, frame...)
}

// parseIVF returns the FourCC and the frames of a file. The frames alias it.
func parseIVF(file []byte) (fourCC string, frames [][]byte, err error) {
	const header, frameHeader = 32, 12
	if len(file) < header || string(file[:4]) != "DKIF" {
		return "", nil, ErrBadIVF
	}
	fourCC = string(file[8:12])
	for rest := file[header:]; len(rest) > 0; {
		if len(rest) < frameHeader {
			return "", nil, fmt.Errorf("frame %d: %w", len(frames), ErrBadIVF)
		}
		size := int(binary.LittleEndian.Uint32(rest))
		if size > len(rest)-frameHeader {
			return "", nil, fmt.Errorf("frame %d: %w", len(frames), ErrBadIVF)
		}
		frames = append(frames, rest[frameHeader:frameHeader+size:frameHeader+size])
		rest = rest[frameHeader+size:]
	}
	return fourCC, frames, nil
}
