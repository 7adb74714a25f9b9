package room

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// secretBytes is the strength of a session's secret.
const secretBytes = 32

// secretHash is what sessions are looked up by. Hashing first means that the time of a lookup says nothing about how
// much of a guess was right.
type secretHash [sha256.Size]byte

func hashSecret(secret string) secretHash { return sha256.Sum256([]byte(secret)) }

// session is where a secret leads.
type session struct {
	room        *room
	participant id
}

func newSecret() string {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// newParticipantID is unique by chance, in all rooms: a client that missed something never takes one participant for
// another.
func newParticipantID() id {
	b := make([]byte, 10)
	rand.Read(b) // never fails
	return id(strings.ToLower(base32.StdEncoding.EncodeToString(b)))
}
