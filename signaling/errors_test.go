package signaling

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

func TestErrorsOfTheRoomHaveTheirCodes(t *testing.T) {
	for err, want := range map[error]protocol.Code{
		room.ErrNameTaken:    protocol.CodeNameTaken,
		room.ErrBadName:      protocol.CodeBadName,
		room.ErrBadRoom:      protocol.CodeBadRoom,
		room.ErrRoomFull:     protocol.CodeRoomFull,
		room.ErrServerFull:   protocol.CodeServerFull,
		room.ErrShuttingDown: protocol.CodeShuttingDown,
		room.ErrNoSession:    protocol.CodeResumeFailed,
	} {
		got := ErrorOf(fmt.Errorf("join: %w", err), protocol.TypeJoin)
		if got.Code != want || got.Re != protocol.TypeJoin || got.Message == "" || strings.HasPrefix(got.Message, "Join") {
			t.Errorf("%v becomes %+v, want code %s", err, got, want)
		}
	}
}

func TestFaultsOfTheServerAreNotExplained(t *testing.T) {
	got := ErrorOf(fmt.Errorf("open /etc/secret: denied"), protocol.TypeJoin)
	if got.Code != protocol.CodeInternal || strings.Contains(got.Message, "secret") {
		t.Errorf("error %+v", got)
	}
}

func TestErrorTextsAreBoundedAndValid(t *testing.T) {
	for n := range 4 {
		text := sentence(fmt.Errorf("%s%s", strings.Repeat("x", n), strings.Repeat("広", 10_000)))
		if len(text) > maxSentence+10 || !utf8.ValidString(text) {
			t.Errorf("%d bytes, valid %t", len(text), utf8.ValidString(text))
		}
	}
}
