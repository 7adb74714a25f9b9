package codec

// parseSPS stub
func parseSPS([]byte) (uint16, uint16) { return 0, 0 }
