package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"hiroba/sfu/media"
)

// bitrate is a rate as people write it: 500kbps, 1.5Mbps.
type bitrate media.Bitrate

var bitrateUnits = []struct {
	suffix string
	factor float64
}{{"gbps", 1e9}, {"mbps", 1e6}, {"kbps", 1e3}, {"bps", 1}, {"g", 1e9}, {"m", 1e6}, {"k", 1e3}, {"", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *bitrate) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSpace(string(text)))
	for _, unit := range bitrateUnits {
		number, ok := strings.CutSuffix(s, unit.suffix)
		if !ok {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(value >= 0 && value*unit.factor < 1e12) {
			break
		}
		*b = bitrate(value * unit.factor)
		return nil
	}
	return fmt.Errorf("%q is not a bitrate; use one such as 500kbps or 1.5Mbps", text)
}

// String is the bitrate in the largest fitting unit.
func (b bitrate) String() string {
	switch {
	case b >= 1e9:
		return fmt.Sprintf("%.2f Gbit/s", float64(b)/1e9)
	case b >= 1e6:
		return fmt.Sprintf("%.2f Mbit/s", float64(b)/1e6)
	default:
		return fmt.Sprintf("%.0f kbit/s", float64(b)/1e3)
	}
}

// pixels are a width and a height: 1280x720.
type pixels struct{ Width, Height int }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *pixels) UnmarshalText(text []byte) error {
	w, h, ok := strings.Cut(strings.ToLower(string(text)), "x")
	width, err1 := strconv.Atoi(w)
	height, err2 := strconv.Atoi(h)
	if !ok || errors.Join(err1, err2) != nil || width < 16 || height < 16 || width > 16383 || height > 16383 {
		return fmt.Errorf("%q is not a size; use one such as 1280x720", text)
	}
	*p = pixels{width, height}
	return nil
}

// String is the size as it is written.
func (p pixels) String() string { return fmt.Sprintf("%dx%d", p.Width, p.Height) }

// ratio is a part of 1, written as 0.001 or 0.1%.
type ratio float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *ratio) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	value, err := strconv.ParseFloat(number, 64)
	if percent {
		value /= 100
	}
	if err != nil || !(value >= 0 && value <= 1) {
		return fmt.Errorf("%q is not a part of the whole; use one such as 0.1%% or 0.001", text)
	}
	*r = ratio(value)
	return nil
}

// String is the ratio in percent.
func (r ratio) String() string { return strconv.FormatFloat(float64(r)*100, 'g', 3, 64) + "%" }
