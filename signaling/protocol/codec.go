package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrUnknownType is returned by the decoders for a "type" they do not know.
var ErrUnknownType = errors.New("unknown message type")

// Encode is the JSON of a message, its "type" first. Lists are never null: an empty one is [].
func Encode(m Message) ([]byte, error) {
	body, err := json.Marshal(withLists(m))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Type(), err)
	}
	head := append([]byte(`{"type":"`), m.Type()...)
	head = append(head, '"')
	if len(body) > 2 { // not "{}"
		head = append(head, ',')
	}
	return append(head, body[1:]...), nil
}

// TypeOf reads only the type of a message.
func TypeOf(b []byte) (Type, error) {
	var head struct {
		Type Type `json:"type"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return "", fmt.Errorf("read type: %w", err)
	}
	return head.Type, nil
}

// DecodeClient reads a message that a client sends over the WebSocket or the chat channel.
// The type is returned as far as it is known, also with an error.
func DecodeClient(b []byte) (Message, Type, error) { return decode(b, clientTypes) }

// DecodeServer reads a message that the server sends over the WebSocket or the chat channel.
func DecodeServer(b []byte) (Message, Type, error) { return decode(b, serverTypes) }

// DecodeFile reads a text message of the file channel, either way.
func DecodeFile(b []byte) (Message, Type, error) { return decode(b, fileTypes) }

type decoder func([]byte) (Message, error)

func into[M Message](b []byte) (Message, error) {
	var m M
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("decode %s: %w", m.Type(), err)
	}
	return m, nil
}

var (
	clientTypes = map[Type]decoder{
		TypeHello:     into[Hello],
		TypeJoin:      into[Join],
		TypeOffer:     into[Offer],
		TypeCandidate: into[Candidate],
		TypeView:      into[View],
		TypeMute:      into[Mute],
		TypeChatSend:  into[ChatSend],
		TypeLeave:     into[Leave],
		TypePing:      into[Ping],
		TypeReport:    into[Report],
	}
	serverTypes = map[Type]decoder{
		TypeWelcome:   into[Welcome],
		TypeJoined:    into[Joined],
		TypeLeft:      into[Left],
		TypeUpdated:   into[Updated],
		TypeAnswer:    into[Answer],
		TypeCandidate: into[Candidate],
		TypeSeats:     into[Seats],
		TypeNeedSeats: into[NeedSeats],
		TypeLayers:    into[Layers],
		TypeSpeakers:  into[Speakers],
		TypeChat:      into[Chat],
		TypeError:     into[Error],
		TypeDraining:  into[Draining],
		TypeBye:       into[Bye],
		TypePong:      into[Pong],
	}
	fileTypes = map[Type]decoder{
		TypeFileOffer:  into[FileOffer],
		TypeFileAccept: into[FileAccept],
		TypeFileStart:  into[FileStart],
		TypeFileAck:    into[FileAck],
		TypeFileCancel: into[FileCancel],
		TypeFileDone:   into[FileDone],
		TypeError:      into[Error],
	}
)

// ClientTypes lists what DecodeClient knows, sorted.
func ClientTypes() []Type { return slices.Sorted(maps.Keys(clientTypes)) }

// ServerTypes lists what DecodeServer knows, sorted.
func ServerTypes() []Type { return slices.Sorted(maps.Keys(serverTypes)) }

// FileTypes lists what DecodeFile knows, sorted.
func FileTypes() []Type { return slices.Sorted(maps.Keys(fileTypes)) }

func decode(b []byte, types map[Type]decoder) (Message, Type, error) {
	t, err := TypeOf(b)
	if err != nil {
		return nil, "", err
	}
	d, ok := types[t]
	if !ok {
		return nil, t, ErrUnknownType
	}
	m, err := d(b)
	return m, t, err
}
