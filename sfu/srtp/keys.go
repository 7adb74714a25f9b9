package srtp

import "fmt"

// Secret is the master key and master salt of one direction (RFC 3711, section 3.2.1). It prints as nothing: no format
// and no encoder shows its bytes.
type Secret struct {
	Key, Salt []byte
}

// Wipe sets the bytes to zero, in this Secret and in all that share its memory.
func (s Secret) Wipe() {
	clear(s.Key)
	clear(s.Salt)
}

// Clone is a copy with memory of its own.
func (s Secret) Clone() Secret {
	return Secret{Key: append([]byte(nil), s.Key...), Salt: append([]byte(nil), s.Salt...)}
}

// usedUp reports whether the secret was wiped. No handshake ends in a key of zeros.
func (s Secret) usedUp() bool {
	var bits byte
	for _, b := range s.Key {
		bits |= b
	}
	return bits == 0
}

// Format implements [fmt.Formatter].
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("secret")) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte("secret"), nil }

// Keys are what a DTLS-SRTP handshake agreed on, as one side sees it.
type Keys struct {
	Profile Profile
	// Local encrypts what this side sends, Remote what it receives.
	Local, Remote Secret
}

// Wipe sets the bytes of both secrets to zero.
func (k Keys) Wipe() {
	k.Local.Wipe()
	k.Remote.Wipe()
}

// Extract cuts the keying material that the DTLS exporter gives for "EXTRACTOR-dtls_srtp" into keys: client key, server
// key, client salt, server salt (RFC 5764, section 4.2). isClient is whether this side was the DTLS client. The material
// is copied.
func Extract(p Profile, material []byte, isClient bool) (Keys, error) {
	n, ok := p.sizes()
	if !ok {
		return Keys{}, fmt.Errorf("%w: %v", ErrProfile, p)
	}
	if len(material) != p.MaterialLen() {
		return Keys{}, fmt.Errorf("%w: %d bytes of material, want %d", ErrSecret, len(material), p.MaterialLen())
	}
	keys, salts := material[:2*n.key], material[2*n.key:]
	client := Secret{Key: keys[:n.key], Salt: salts[:n.salt]}.Clone()
	server := Secret{Key: keys[n.key:], Salt: salts[n.salt:]}.Clone()
	if isClient {
		return Keys{Profile: p, Local: client, Remote: server}, nil
	}
	return Keys{Profile: p, Local: server, Remote: client}, nil
}
