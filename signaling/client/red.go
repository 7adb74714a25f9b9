package client

import (
	"hiroba/sfu/media"
	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

const mimeRED = "audio/red"

// RedundantMicrophone publishes sound in Opus with redundancy, as browsers that have RED do.
func RedundantMicrophone(s synthetic.Source) Publication {
	return publication(protocol.Microphone, synthetic.NewRedundant(s, media.PayloadType(payloadTypes[media.Opus])))
}

// soundCodecs are what an m-line of sound offers, the preferred one first.
func soundCodecs(red bool) []media.Codec {
	if red {
		return []media.Codec{media.RED, media.Opus}
	}
	return []media.Codec{media.Opus}
}

// codecsWith are what a sending m-line offers to send in one codec: RED stands for Opus in its blocks, and so it needs that.
func codecsWith(c media.Codec) []media.Codec {
	if c == media.RED {
		return soundCodecs(true)
	}
	return []media.Codec{c}
}

// soundIn is the newest Opus packet in a payload: in RED it is the last block (RFC 2198, section 3). It is nil for a payload
// of RED that is broken, or whose blocks are not of our Opus.
func soundIn(c media.Codec, p []byte) []byte {
	if c != media.RED {
		return p
	}
	redundant := 0
	for at := 0; at < len(p); at += 4 {
		if p[at]&0x7f != uint8(payloadTypes[media.Opus]) {
			return nil
		}
		if p[at]&0x80 == 0 {
			if rest := p[at+1:]; redundant < len(rest) {
				return rest[redundant:]
			}
			return nil
		}
		if len(p) < at+4 {
			return nil
		}
		redundant += int(p[at+2]&3)<<8 | int(p[at+3])
	}
	return nil
}
