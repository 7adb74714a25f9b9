package layer

// enough is how much of a tile's height a picture must have to look sharp in it: a little enlarging is not seen.
const enoughNum, enoughDen = 3, 4

// Fit is the lowest layer whose picture is high enough for a tile, or the highest there is. Heights are in pixels, lowest
// layer first; 0 is not known, and taken as half of the next known one.
func Fit(heights []int, tile int) int8 {
	best := int8(len(heights) - 1) //nolint:gosec // a handful
	above := 0
	for i := best; i >= 0; i-- {
		height := heights[i]
		if height == 0 {
			height = above / 2
		}
		above = height
		if height != 0 && height*enoughDen < tile*enoughNum {
			break
		}
		best = i
	}
	return best
}
