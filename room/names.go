package room

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkName is a participant's name without space around it, or an error that wraps ErrBadName. Names are shown to
// others: what hides, reorders or breaks text is refused.
func checkName(name string, maxChars int) (string, error) {
	name = strings.TrimSpace(name)
	visible := false
	for i, r := range name {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(name[i:], string(utf8.RuneError)):
			return "", refuse(ErrBadName, "not UTF-8")
		case unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs), isBidiControl(r):
			return "", refuse(ErrBadName, "character %U", r)
		case !isInvisible(r):
			visible = true
		}
	}
	if !visible {
		return "", refuse(ErrBadName, "nothing to see in it")
	}
	if utf8.RuneCountInString(name) > maxChars {
		return "", refuse(ErrBadName, "more than %d characters", maxChars)
	}
	return name, nil
}

// checkRoom is a room's name without space around it, or an error that wraps ErrBadRoom. It becomes part of a URL's
// path: letters, marks and digits of any script, and "-", "_", ".".
func checkRoom(name string, maxChars int) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", refuse(ErrBadRoom, "empty")
	}
	if !utf8.ValidString(name) {
		return "", refuse(ErrBadRoom, "not UTF-8")
	}
	if utf8.RuneCountInString(name) > maxChars {
		return "", refuse(ErrBadRoom, "more than %d characters", maxChars)
	}
	if strings.Trim(name, ".") == "" { // "." and ".." mean something else in a path
		return "", refuse(ErrBadRoom, "only dots")
	}
	for i, r := range name {
		switch {
		case unicode.IsLetter(r) && !isInvisible(r), unicode.IsDigit(r), strings.ContainsRune("-_.", r):
		case i > 0 && unicode.IsMark(r) && !isInvisible(r): // vowels of many scripts
		default:
			return "", refuse(ErrBadRoom, "character %U", r)
		}
	}
	return name, nil
}

// fold is the form in which names are compared: neither case, nor the width of a space, nor what cannot be seen makes
// a difference.
func fold(name string) string {
	seen := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case isInvisible(r):
			return -1
		default:
			return unicode.ToLower(unicode.ToUpper(r))
		}
	}, name)
	return strings.Join(strings.Fields(seen), " ")
}

// isBidiControl reports whether r changes the direction of the text after it: embeddings, overrides, isolates.
func isBidiControl(r rune) bool { return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 }

// isInvisible reports whether r shows nothing by itself.
func isInvisible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0: // joiner, Hangul and Khmer fillers, empty braille
		return true
	}
	return unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc, unicode.Variation_Selector)
}
