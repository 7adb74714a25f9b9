package codec

// parseSequenceHeader stub
func parseSequenceHeader([]byte) (uint16, uint16) { return 0, 0 }
