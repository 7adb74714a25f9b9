package udp

import (
	"bytes"
	"encoding/binary"
)

// The parts of a STUN message that are read here (RFC 8489, sections 5 and 14.3).
const (
	stunHeaderBytes  = 20
	stunMagicCookie  = 0x2112A442
	stunBindingReply = 0x0101
	stunUsername     = 0x0006
	stunIntegrity    = 0x0008
	stunIntegrity256 = 0x001C
)

// isSTUN reports whether b is a whole STUN message.
func isSTUN(b []byte) bool {
	return len(b) >= stunHeaderBytes && b[0] < 4 && binary.BigEndian.Uint32(b[4:]) == stunMagicCookie &&
		stunHeaderBytes+int(binary.BigEndian.Uint16(b[2:])) == len(b)
}

// isBindingReply reports whether the STUN message b says yes to a binding request. An ICE agent says that only to who knew
// its password.
func isBindingReply(b []byte) bool {
	return isSTUN(b) && binary.BigEndian.Uint16(b) == stunBindingReply
}

// receiverFragment is the username fragment of who is to receive the STUN message b: the part before the colon (RFC 8445,
// section 7.2.2). It is nil where there is none, as in answers and indications.
func receiverFragment(b []byte) []byte {
	for at := stunHeaderBytes; at+4 <= len(b); {
		kind, length := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		at += 4
		if at+length > len(b) {
			return nil
		}
		switch kind {
		case stunUsername:
			fragment, _, found := bytes.Cut(b[at:at+length], []byte{':'})
			if !found {
				return nil
			}
			return fragment
		case stunIntegrity, stunIntegrity256: // what follows proves nothing (RFC 8489, section 14.5)
			return nil
		}
		at += (length + 3) &^ 3
	}
	return nil
}

// isRequest reports whether the STUN message b is a request: only these name their receiver.
func isRequest(b []byte) bool { return b[0]&0x01 == 0 && b[1]&0x10 == 0 }
