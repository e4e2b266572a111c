package fcontext

import (
	"fmt"
	"strings"
)

// glob is a pattern of fnmatch(3) without flags, in the C locale.
type glob []globItem

type globItem struct {
	star bool    // any bytes
	set  byteSet // one of these
}

// parseGlob reads a pattern. What glibc takes for text because it isn't
// finished, or looks up in the locale, is refused.
func parseGlob(p string) (glob, error) {
	var g glob
	for i := 0; i < len(p); i++ {
		var item globItem
		switch p[i] {
		case '*':
			item.star = true
		case '?':
			item.set.negate()
		case '[':
			n, err := parseGlobSet(&item.set, p[i:])
			if err != nil {
				return nil, err
			}
			i += n - 1
		case '\\':
			if i++; i == len(p) {
				return nil, fmt.Errorf("%w: \\ at the end of a glob", ErrSyntax)
			}
			item.set.add(p[i])
		default:
			item.set.add(p[i])
		}
		g = append(g, item)
	}
	return g, nil
}

// parseGlobSet reads the bracket expression that s begins with, and returns its
// length.
func parseGlobSet(set *byteSet, s string) (int, error) {
	i := 1
	negated := len(s) > 1 && (s[1] == '!' || s[1] == '^')
	if negated {
		i++
	}
	// next reads a byte, perhaps an escaped one.
	next := func() (byte, bool) {
		if i < len(s) && s[i] == '\\' {
			i++
		}
		if i >= len(s) {
			return 0, false
		}
		i++
		return s[i-1], true
	}
	for first := true; ; first = false {
		if i < len(s) && s[i] == ']' && !first {
			break
		}
		if i+1 < len(s) && s[i] == '[' && strings.IndexByte(":.=", s[i+1]) >= 0 {
			name, _, ok := strings.Cut(s[i+2:], ":]")
			class := posixSet(name)
			if s[i+1] != ':' || !ok || class == nil || name == "word" || name == "ascii" {
				return 0, fmt.Errorf("%w: [%c in a glob's brackets", ErrUnsupported, s[i+1])
			}
			set.addSet(class)
			if i += 2 + len(name) + 2; strings.HasPrefix(s[i:], "-") {
				return 0, fmt.Errorf("%w: range that begins with a class", ErrUnsupported)
			}
			continue
		}
		lo, ok := next()
		hi := lo
		if ok && i+1 < len(s) && s[i] == '-' && s[i+1] != ']' {
			i++
			if strings.HasPrefix(s[i:], "[") {
				return 0, fmt.Errorf("%w: range that ends with [", ErrUnsupported)
			}
			hi, ok = next()
		}
		if !ok {
			return 0, fmt.Errorf("%w: missing ] in a glob", ErrSyntax)
		}
		set.addRange(lo, hi)
	}
	if negated {
		set.negate()
	}
	return i + 1, nil
}

// match reports whether the whole key matches. It takes at most the product of
// both lengths: what a star stands for is only ever made longer for the last of
// them.
func (g glob) match(key string) bool {
	i, k := 0, 0
	star, from := -1, 0
	for k < len(key) {
		switch {
		case i < len(g) && g[i].star:
			star, from = i, k
			i++
		case i < len(g) && g[i].set.has(key[k]):
			i++
			k++
		case star >= 0:
			from++
			i, k = star+1, from
		default:
			return false
		}
	}
	for i < len(g) && g[i].star {
		i++
	}
	return i == len(g)
}
