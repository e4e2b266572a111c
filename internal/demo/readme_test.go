package demo_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/demo"
)

// README.md gives the serials of each story's events and the lines they start
// at. "414 to 419 (lines 21 to 41" names the first and the last only.
func TestReadmeNumbers(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(demo.AuditLog()), "\n")
	numbers := regexp.MustCompile(`\d+`)
	stories := regexp.MustCompile(`— (\d[\d, to]*)\s\(lines? (\d[\d, to]*)`).
		FindAllStringSubmatch(string(readme), -1)
	if len(stories) < 30 {
		t.Errorf("README.md tells %d stories", len(stories))
	}
	for _, s := range stories {
		serials, starts := numbers.FindAllString(s[1], -1), numbers.FindAllString(s[2], -1)
		if len(serials) != len(starts) {
			t.Errorf("%q: %d serials, %d lines", s[0], len(serials), len(starts))
			continue
		}
		for i, serial := range serials {
			first := 0
			for n, line := range lines {
				if strings.Contains(line, ":"+serial+"): ") {
					first = n + 1
					break
				}
			}
			if starts[i] != strconv.Itoa(first) {
				t.Errorf("%q: event %s starts at line %d", s[0], serial, first)
			}
		}
	}
}
