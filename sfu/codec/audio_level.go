package codec

// ParseAudioLevel reads the header extension urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464, section 3). Level is
// -dBov: 0 is the loudest, 127 silence. Voice says that the sender believes to hear speech; senders that cannot tell
// leave it out.
func ParseAudioLevel(ext []byte) (level uint8, voice bool, err error) {
	if len(ext) == 0 {
		return 0, false, ErrTruncated
	}
	return ext[0] & 0x7F, ext[0]&0x80 != 0, nil
}
