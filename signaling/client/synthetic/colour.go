package synthetic

import (
	"fmt"
	"image/color"
)

// Colour is what every pixel of a solid picture has, as the codecs store it: BT.601 with limited range, as browsers
// read VP8.
type Colour struct{ Y, Cb, Cr uint8 }

// Some colours that are far from each other.
var (
	Red     = Colour{82, 90, 240}
	Green   = Colour{145, 54, 34}
	Blue    = Colour{41, 240, 110}
	Yellow  = Colour{210, 16, 146}
	Cyan    = Colour{170, 166, 16}
	Magenta = Colour{107, 202, 222}
	White   = Colour{235, 128, 128}
	Grey    = Colour{126, 128, 128}
)

// Palette returns the i-th of many colours that can all be told apart (below 4,096), whatever their order.
func Palette(i int) Colour {
	// 16 levels of each component, spread so that neighbours differ in all three.
	level := func(n int) uint8 { return uint8(24 + n&15*13) } // at most 24 + 15*13 = 219
	return Colour{Y: level(i*7 + i>>8), Cb: level(i*11 + i>>4), Cr: level(i)}
}

// Near reports whether no component differs by more than tolerance.
func (c Colour) Near(other Colour, tolerance int) bool {
	near := func(a, b uint8) bool { d := int(a) - int(b); return d <= tolerance && -d <= tolerance }
	return near(c.Y, other.Y) && near(c.Cb, other.Cb) && near(c.Cr, other.Cr)
}

// String is the colour as tests print it.
func (c Colour) String() string { return fmt.Sprintf("YCbCr(%d,%d,%d)", c.Y, c.Cb, c.Cr) }

// RGBA is about what a browser shows: BT.601 with limited range.
func (c Colour) RGBA() color.RGBA {
	y, cb, cr := 1.164*(float64(c.Y)-16), float64(c.Cb)-128, float64(c.Cr)-128
	clip := func(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }
	return color.RGBA{R: clip(y + 1.596*cr), G: clip(y - 0.392*cb - 0.813*cr), B: clip(y + 2.017*cb), A: 255}
}
