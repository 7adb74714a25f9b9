package room

import (
	"time"
	"unicode"
	"unicode/utf8"

	"hiroba/signaling/protocol"
)

// chatLog numbers the chat messages of a room and keeps the latest.
type chatLog struct {
	// max bounds the entries, historyBytes their texts.
	max     int
	seq     int64
	entries []protocol.Chat
	bytes   int
}

// add numbers a message and keeps it.
func (l *chatLog) add(c protocol.Chat) protocol.Chat {
	l.seq++
	c.Seq = l.seq
	l.entries = append(l.entries, c)
	l.bytes += len(c.Text)
	drop := 0
	for drop < len(l.entries) && (len(l.entries)-drop > l.max || l.bytes > historyBytes) {
		l.bytes -= len(l.entries[drop].Text)
		l.entries[drop] = protocol.Chat{}
		drop++
	}
	l.entries = l.entries[drop:]
	return c
}

// historyFor is a copy of what is kept. Marks come back to their senders only.
func (l *chatLog) historyFor(reader id) []protocol.Chat {
	history := make([]protocol.Chat, len(l.entries))
	for i, c := range l.entries {
		history[i] = chatFor(c, reader)
	}
	return history
}

func chatFor(c protocol.Chat, reader id) protocol.Chat {
	if c.From != reader {
		c.ID = ""
	}
	return c
}

// handleChat says something to the room, the sender included.
func (s *state) handleChat(now time.Time, p *participant, m protocol.ChatSend) {
	if err := s.checkChat(m); err != nil {
		s.refuse(now, p, err, protocol.TypeChatSend, m.ID)
		return
	}
	if wait, ok := p.chatSpent.take(now, chatRate); !ok {
		s.refuseLater(now, p, ErrRateLimited, protocol.TypeChatSend, m.ID, wait)
		return
	}
	s.chatMessages++
	said := s.chat.add(protocol.Chat{ID: m.ID, From: p.id, Name: p.name, Text: m.Text, At: now.UnixMilli()})
	var shared []byte // the same for all but the sender
	for _, reader := range s.order {
		c := chatFor(said, reader.id)
		switch {
		case !reader.chatOpen || !reader.connected:
			s.tell(reader, c)
		case reader == p:
			s.emit(sendData{reader.id, protocol.LabelChat, true, encode(c)})
		default:
			if shared == nil {
				shared = encode(c)
			}
			s.emit(sendData{reader.id, protocol.LabelChat, true, shared})
		}
	}
}

func (s *state) checkChat(m protocol.ChatSend) error {
	switch {
	case m.Text == "":
		return refuse(ErrBadChat, "empty")
	case !utf8.ValidString(m.Text):
		return refuse(ErrBadChat, "not UTF-8")
	case utf8.RuneCountInString(m.Text) > s.rules.limits.ChatChars:
		return refuse(ErrBadChat, "more than %d characters", s.rules.limits.ChatChars)
	}
	for _, r := range m.Text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return refuse(ErrBadChat, "character %U", r)
		}
	}
	return nil
}

// repeatHistory tells a client over its WebSocket what may have been lost with its data channel. It drops by sequence
// number what it has.
func (s *state) repeatHistory(now time.Time, p *participant) {
	if _, ok := p.historySpent.take(now, historyRate); !ok {
		return
	}
	for _, c := range s.chat.historyFor(p.id) {
		s.tell(p, c)
	}
}

// encode is the JSON of a message of ours, which cannot fail.
func encode(m protocol.Message) []byte {
	data, err := protocol.Encode(m)
	if err != nil {
		panic(err)
	}
	return data
}
