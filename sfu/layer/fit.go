package layer

// enough is how much of a tile's height a picture must have to look sharp in it: a little enlarging is not seen.
const enoughNum, enoughDen = 3, 4

// Fit is the lowest layer whose picture is high enough for a tile, or the highest there is. Heights are in pixels, lowest
// layer first; 0 is not known, and taken as half of the next known one, or else as twice the one below. While nothing is
// known it is the highest: what seems not to be needed is put to sleep, and then it never becomes known.
func Fit(heights []int, tile int) int8 {
	best := int8(len(heights) - 1) //nolint:gosec // a handful
	for i := range best {
		if heightOf(heights, int(i))*enoughDen >= tile*enoughNum {
			return i
		}
	}
	return best
}

// heightOf is the height of a layer as far as it can be told; 0 if nothing is known.
func heightOf(heights []int, layer int) int {
	for i := layer; i < len(heights); i++ {
		if heights[i] != 0 {
			return heights[i] >> (i - layer)
		}
	}
	for i := layer - 1; i >= 0; i-- {
		if heights[i] != 0 {
			return heights[i] << (layer - i)
		}
	}
	return 0
}
