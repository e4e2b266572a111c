package avc

import "strings"

// tidy puts right what people do to a record that they copy or type: markup,
// blanks around equals signs, a brace that is not closed. The outcome has no
// field that s has not. In an interpreted record blanks are left alone, for they
// may be those of a name.
func tidy(s string, interp bool) string {
	b, _ := unmark([]byte(s), false, false)
	s = closeBrace(string(b))
	if interp {
		return s
	}
	return closeContexts(closeGaps(withoutEscapedBreaks(s)))
}

// withoutEscapedBreaks puts blanks in the place of \n and its kin outside quotes.
func withoutEscapedBreaks(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b, in := []byte(s), false
	for i := 0; i < len(b)-1; i++ {
		switch {
		case b[i] == '"':
			in = !in
		case b[i] == '\\' && !in && (b[i+1] == 'n' || b[i+1] == 'r' || b[i+1] == 't'):
			b[i], b[i+1] = ' ', ' '
		}
	}
	return string(b)
}

// closeBrace ends the list of permissions before the word that follows it, and
// takes double braces for single ones.
func closeBrace(s string) string {
	open := strings.IndexByte(s, '{')
	if open < 0 {
		return s
	}
	if rest := strings.TrimLeft(s[open+1:], " "); strings.HasPrefix(rest, "{") {
		return s[:open] + strings.Replace(rest, "}}", "}", 1)
	}
	end, word := strings.IndexByte(s[open:], '}'), strings.Index(s[open:], " for ")
	if word < 0 || end >= 0 && end < word || strings.IndexByte(s[open:open+word], '=') >= 0 {
		return s
	}
	return s[:open+word] + " }" + s[open+word:]
}

// closeGaps takes out the blanks around the equals signs of fields that a vector
// has: "pid = 7", "tclass= file". A field without a value stays so.
func closeGaps(s string) string {
	if !strings.Contains(s, "= ") && !strings.Contains(s, " =") {
		return s
	}
	if outer, inner, ok := strings.Cut(s, "msg='"); ok {
		return withoutGaps(outer) + "msg='" + withoutGaps(inner)
	}
	return withoutGaps(s)
}

func withoutGaps(s string) string {
	var b strings.Builder
	f := fieldScanner{s: s}
	done := 0
	for {
		key, val, kind, ok := f.next()
		if !ok {
			break
		}
		end := f.i
		switch {
		case kind == plain && val == "" && keyOf(key) != 0: // tclass= file
		case kind == word && keyOf(strings.TrimSuffix(val, "=")) != 0: // pid = 7
			rest := strings.TrimLeft(s[f.i:], " ")
			if !strings.HasPrefix(rest, "=") {
				continue
			}
			b.WriteString(s[done:end] + "=")
			end = len(s) - len(rest) + 1
			done, f.i = end, end
		default:
			continue
		}
		rest := strings.TrimLeft(s[end:], " ")
		next, _, _ := strings.Cut(rest, " ")
		if isKey, _, found := strings.Cut(next, "="); found && keyOf(isKey) != 0 || strings.HasPrefix(strings.TrimLeft(rest[len(next):], " "), "=") {
			continue
		}
		b.WriteString(s[done:end])
		done = len(s) - len(rest)
	}
	b.WriteString(s[done:])
	return b.String()
}

// firstOf cuts a text that was put together from several lines before a second
// header in it, which was broken.
func firstOf(s string) string {
	const most = 16 // of places that look like a header and are none
	i := 0
	for range most {
		n := strings.Index(s[i:], " type=")
		if n < 0 {
			break
		}
		i += n + len(" type=")
		j := i
		for j < len(s) && isTypeByte(s[j]) {
			j++
		}
		if strings.HasPrefix(s[j:], " msg=audit(") && !inQuotes([]byte(s[:i])) {
			s = s[:i-len(" type=")]
			if k := strings.LastIndexByte(s, ' ') + 1; strings.HasPrefix(s[k:], "host=") || strings.HasPrefix(s[k:], "node=") {
				s = s[:k]
			}
			break
		}
	}
	return s
}

// closeContexts takes out a blank behind a colon of a context, where none can
// end: "scontext=u:r: cat:s0".
func closeContexts(s string) string {
	for _, key := range [...]string{"scontext=", "tcontext="} {
		i := strings.Index(s, " "+key)
		if i < 0 {
			continue
		}
		word, rest, _ := strings.Cut(s[i+1+len(key):], " ")
		next, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		if strings.HasSuffix(word, ":") && strings.Count(word, ":") < 4 && next != "" && isContextText([]byte(next)) {
			s = s[:i+1+len(key)] + word + strings.TrimLeft(rest, " ")
		}
	}
	return s
}
