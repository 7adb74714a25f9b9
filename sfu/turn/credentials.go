package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what TURN's REST scheme and coturn use; an HMAC of it is not broken
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// credentials gives names and passwords that need not be kept: the name says until when it is good, and for whom, and the
// password is its MAC. It is the scheme of coturn's "REST API" (draft-uberti-behave-turn-rest-00).
type credentials struct {
	secret []byte // made at start: nobody has to keep it, and a restart makes all former ones worthless
	ttl    time.Duration
}

func newCredentials(ttl time.Duration) credentials {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	return credentials{secret, ttl}
}

func (c *credentials) issue(now time.Time, user string) (username, password string) {
	username = strconv.FormatInt(now.Add(c.ttl).Unix(), 10) + ":" + user
	return username, c.password(username)
}

func (c *credentials) password(username string) string {
	mac := hmac.New(sha1.New, c.secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

var (
	errBadUsername = errors.New("username is not of this server")
	errExpired     = errors.New("credentials have expired")
)

// maxUserBytes bounds the part of a username that is kept.
const maxUserBytes = 64

// parse takes a username apart, and reports errExpired along with the user when its time is over. It does not show that the
// username is genuine: the password does.
func (c *credentials) parse(now time.Time, username string) (user string, err error) {
	until, user, found := strings.Cut(username, ":")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if !found || err != nil || user == "" || len(user) > maxUserBytes {
		return "", errBadUsername
	}
	if now.Unix() >= seconds {
		return user, errExpired
	}
	return user, nil
}
