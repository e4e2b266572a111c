package avc

import (
	"strconv"
	"time"
)

// ID identifies an audit event: the records of one event share it. The zero ID
// is that of a record that stood without one.
type ID struct {
	// Time has milliseconds. Its zone is UTC, except for interpreted records
	// (ausearch -i), which are taken to be in Options.Location.
	Time time.Time `json:"time,omitzero"`
	// Serial is the event's number since boot.
	Serial uint64 `json:"serial,omitzero"`
	// Node is the machine, if the record names one (node=, host=, or the
	// journal's _HOSTNAME).
	Node string `json:"node,omitempty"`
}

// IsZero reports whether there is no ID.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the ID as audit.log writes it: audit(1700000000.123:45).
func (id ID) String() string {
	if id.Time.IsZero() && id.Serial == 0 {
		return "audit()"
	}
	b := append([]byte(nil), "audit("...)
	ms := id.Time.UnixMilli()
	b = strconv.AppendInt(b, ms/1000, 10)
	b = append(b, '.')
	b = append(b, byte('0'+ms%1000/100), byte('0'+ms%100/10), byte('0'+ms%10), ':')
	b = strconv.AppendUint(b, id.Serial, 10)
	return string(append(b, ')'))
}

// stamp is an ID as it is compared while records are brought together.
type stamp struct {
	ms     int64 // milliseconds since the epoch
	serial uint64
	ok     bool
}

// lastSecond is the end of the year 9999, the last one that times can be
// written with.
const lastSecond = 253402300799

// digits reads decimal digits of b from i on and returns their value and where
// they end; with more than 18 of them the value is useless and end is i.
func digits(b []byte, i int) (n uint64, end int) {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		n = n*10 + uint64(b[i]-'0')
		i++
	}
	if i-start > 18 {
		return 0, start
	}
	return n, i
}

// parseStamp reads "1700000000.123:45)" from b[i:], the inside of audit(...),
// and returns where it ends, after the parenthesis. interp says that the time
// was a date in words. ok is false if the brackets hold neither; end is then
// still after the closing bracket, or i if there is none nearby.
func (c *clock) parseStamp(b []byte, i int) (st stamp, interp bool, end int) {
	if st, end := parseNumericStamp(b, i); st.ok {
		return st, false, end
	}
	const longest = 48 // no date is longer
	close := -1
	for k := i; k < len(b) && k < i+longest; k++ {
		if b[k] == ')' {
			close = k
			break
		}
	}
	if close < 0 {
		return stamp{}, false, i
	}
	st, interp = c.parseDate(b[i:close])
	return st, interp, close + 1
}

// parseNumericStamp is parseStamp for a time in seconds.
func parseNumericStamp(b []byte, i int) (stamp, int) {
	sec, j := digits(b, i)
	if j > i && j < len(b) && (b[j] == '.' || b[j] == ',') {
		ms, k := digits(b, j+1)
		if k > j+1 && k < len(b) && b[k] == ':' && k-j <= 4 && sec <= lastSecond {
			serial, l := digits(b, k+1)
			if l > k+1 && l < len(b) && b[l] == ')' {
				return stamp{int64(sec)*1000 + int64(ms), serial, true}, l + 1
			}
		}
	}
	return stamp{}, i
}

// clock turns the dates of interpreted records into times. It learns from a
// date such as 28/10/24 that days come first.
type clock struct {
	loc      *time.Location
	dayFirst bool
}

// parseDate reads "11/21/26 01:40:18.215:109" in the orders that ausearch -i
// writes in different locales: month/day/year, day/month/year, day.month.year
// and year-month-day.
func (c *clock) parseDate(b []byte) (stamp, bool) {
	var d [3]uint64
	var width [3]int
	var sep byte
	i := 0
	for k := range d {
		n, j := digits(b, i)
		if j == i || j-i > 4 || j >= len(b) {
			return stamp{}, false
		}
		d[k], width[k] = n, j-i
		switch {
		case k == 0:
			sep = b[j]
			if sep != '/' && sep != '.' && sep != '-' {
				return stamp{}, false
			}
		case k == 1 && b[j] != sep, k == 2 && b[j] != ' ':
			return stamp{}, false
		}
		i = j + 1
	}
	var t [5]uint64 // hour, minute, second, millisecond, serial
	ends := [5]byte{':', ':', '.', ':', 0}
	for k := range t {
		n, j := digits(b, i)
		if j == i {
			return stamp{}, false
		}
		if k == 2 && j < len(b) && b[j] == ':' { // no milliseconds
			t[k], i = n, j+1
			t[4], j = digits(b, i)
			if j == i || j != len(b) {
				return stamp{}, false
			}
			break
		}
		if k < 4 && (j >= len(b) || b[j] != ends[k]) || k == 4 && j != len(b) {
			return stamp{}, false
		}
		t[k], i = n, j+1
	}
	y, m, day := c.order(d, width, sep)
	if y < 70 {
		y += 2000
	} else if y < 100 {
		y += 1900
	}
	if m < 1 || m > 12 || day < 1 || day > 31 || t[0] > 23 || t[1] > 59 || t[2] > 60 || t[3] > 999 {
		return stamp{}, false
	}
	when := time.Date(int(y), time.Month(m), int(day), int(t[0]), int(t[1]), int(t[2]), int(t[3])*1e6, c.loc)
	return stamp{when.UnixMilli(), t[4], true}, true
}

func (c *clock) order(d [3]uint64, width [3]int, sep byte) (y, m, day uint64) {
	switch {
	case width[0] == 4:
		return d[0], d[1], d[2]
	case sep != '/':
		return d[2], d[1], d[0]
	}
	if d[0] > 12 && d[1] <= 12 {
		c.dayFirst = true
	} else if d[1] > 12 {
		c.dayFirst = false
	}
	if c.dayFirst {
		return d[2], d[1], d[0]
	}
	return d[2], d[0], d[1]
}
