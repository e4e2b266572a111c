package m4_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/m4"
)

// programs are held against GNU m4 by the oracle test, too.
func programs() []struct{ in, out string } {
	return []struct{ in, out string }{
		{"plain text 1a 2b_c\n", "plain text 1a 2b_c\n"},
		{"define(`a',`b')a `a' ``a''\n", "b a `a'\n"},
		{"define(`a',`$2-$1-`$0'-$#')a(x,y) a a() a( x, y )\n", "y-x-a-2 --a-0 --a-1 y -x-a-2\n"},
		{"define(`a',`$*|$@')define(`x',`X')a(x,`x',``x'')\n", "X,X,x|X,x,`x'\n"},
		{"define(`a',`$10')a(1,2,3,4,5,6,7,8,9,ten)\n", "ten\n"},
		{"define(`a',`$$1 $')a(x)\n", "$x $\n"},
		{"define(`a',`# no a here\n')a a # a comment a\na", "# no a here\n # no a here\n # a comment a\n# no a here\n"},
		{"ifelse(a,a,yes,no) ifelse(a,b,yes,no) ifelse(a,b,1,c,c,2) ifelse(a,b,1,a,c,2,3)ifelse(x)ifelse(a,b,c)\n", "yes no 2 3\n"},
		{"ifelse(a,a,yes,no)ifelse(a,a,yes,no)\n", "yesifelse(a,a,yes,no)\n"}, // one word
		{"ifdef(`a',yes,no) define(`a')ifdef(`a',yes,no) undefine(`a')ifdef(`a',yes)\n", "no yes \n"},
		{"pushdef(`a',1)pushdef(`a',2)a`'popdef(`a')a`'popdef(`a')a\n", "21a\n"},
		{"pushdef(`a',1)pushdef(`a',2)define(`a',3)a`'popdef(`a')a\n", "31\n"},
		{"shift(a,b,c)shift(a)shift\n", "b,cshift\n"},
		{"incr(5)decr(0)incr()incr( 3)\n", "6-114\n"},
		{"define incr ifelse dnl gone\nrest dnl(a,\n)b", "define incr ifelse rest "}, // the arguments are read first
		{"define(`a',`b')define(`b',`c')a a(x)\n", "c c\n"},
		{"define(`f',`fo')define(`foo',`bar')f`'o fo`'o define(`g',`fo')g()o\n", "foo foo bar\n"},
		{"define(`a',`(x)')define(`b',`[$1]')b`'a b(a) indir\n", "[](x) [(x)] indir\n"},
		{"define(`q',`[$1]')q((a,b),c)q(`a,b')q(a`,'b)\n", "[(a,b)][a,b][a,b]\n"},
		{"divert(-1)hidden define(`a',`seen')\ndivert`'a\n", "seen\n"},
		{"regexp(`one && two',`\\w')regexp(`',`\\w')regexp(`!one && two',`\\(\\w+\\)',`<\\1>')regexp(`one two',`\\w+\\(.*\\)',`<\\1>')\n", "0-1<one>< two>\n"},
		{"len(`abc')len()\n", "30\n"},
		{"define(`count',`$1 ifelse($1,$2,,`count(incr($1),$2)')')count(0,5)\n", "0 1 2 3 4 5 \n"},
		{"define(`a', # no end, here)\n)a\n", "# no end, here)\n\n"},
		{"a\n\n__line__ define(`x',`__line__')\nx(\n)", "a\n\n3 \n4"},
	}
}

func expand(t *testing.T, in string) (string, error) {
	t.Helper()
	p := m4.New(m4.Limits{})
	err := p.Read("file", in)
	out := p.Output()
	for n, line := range strings.Split(out, "\n") {
		if at := p.Line(n); (at.Line > 0) != (line != "") {
			t.Errorf("line %d, %q, is from %v", n, line, at)
		}
	}
	return out, err
}

func TestPrograms(t *testing.T) {
	for _, tt := range programs() {
		if got, err := expand(t, tt.in); err != nil || got != tt.out {
			t.Errorf("%s\ngot  %q, %v\nwant %q", tt.in, got, err, tt.out)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		in   string
		line int
		is   error
	}{
		{"\n`open", 2, nil},
		{"\n\ndefine(`a'", 3, nil},
		{"\ndefine(`loop',`loop')loop\n", 2, m4.ErrLimit},
		{"define(`twice',`twice($1$1)')twice(x)", 1, m4.ErrLimit},
		{"define(`more',`$1$1$1$1$1$1$1$1')" + strings.Repeat("more(", 12) + "0123456789" + strings.Repeat(")", 12), 1, m4.ErrLimit},
		{strings.Repeat("len(", 600) + strings.Repeat(")", 600), 1, m4.ErrLimit},
		{"define(`r',`ifelse($1,0,y,`r(decr($1))x')')r(2000000)", 1, m4.ErrLimit},
		{"define(`a',1)\nsyscmd(`true')", 2, errors.ErrUnsupported},
		{"include(`/etc/passwd')", 1, errors.ErrUnsupported},
		{"changequote([,])", 1, errors.ErrUnsupported},
		{"regexp(`a',`[a]')", 1, errors.ErrUnsupported},
		{"divert(1)", 1, errors.ErrUnsupported},
		{"define()", 1, nil},
	} {
		p := m4.New(m4.Limits{Expansions: 100_000, Work: 10 << 20, Output: 1 << 20})
		err := p.Read("file", tt.in)
		var e *m4.Error
		if !errors.As(err, &e) || e.File != "file" || e.Line != tt.line || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%.40s: %v, want line %d", tt.in, err, tt.line)
		}
	}
}

// A word of many expansions takes time in proportion to its length.
func TestLongWord(t *testing.T) {
	p := m4.New(m4.Limits{})
	if err := p.Read("file", "define(`r',`ifelse($1,0,y,`r(decr($1))x')')r(90000)"); err != nil {
		t.Fatal(err)
	}
	if out := p.Output(); out != "y"+strings.Repeat("x", 90000) {
		t.Errorf("%d bytes, %.20s", len(out), out)
	}
}

func TestPositions(t *testing.T) {
	p := m4.New(m4.Limits{})
	p.Define("two", "x\ny\n")
	if err := p.Read("file", "a\n\ntwo b\nc two(\n\n)d\n"); err != nil {
		t.Fatal(err)
	}
	out := p.Output()
	var got []int
	for i, line := range strings.Split(out, "\n") {
		if line != "" {
			got = append(got, p.Line(i).Line)
		}
	}
	// a; x, y, and b after it; c x, y; d
	if out != "a\n\nx\ny\n b\nc x\ny\nd\n" || !slices.Equal(got, []int{1, 3, 3, 3, 4, 4, 6}) {
		t.Errorf("%q %v", out, got)
	}
}

func TestFork(t *testing.T) {
	p := m4.New(m4.Limits{})
	p.Define("a", "one")
	for _, tt := range []struct{ in, want string }{
		{"a`'define(`a',`two')a`'pushdef(`a',`three')a`'popdef(`a')a`'popdef(`a')a", "onetwothreetwoa"},
		{"undefine(`a')a`'popdef(`a')a", "aa"},
		{"a", "one"},
	} {
		f := p.Fork()
		if err := f.Read("", tt.in); err != nil {
			t.Fatal(err)
		}
		if got := f.Output(); got != tt.want {
			t.Errorf("%s: %s", tt.in, got)
		}
	}
}

func TestMessages(t *testing.T) {
	p := m4.New(m4.Limits{})
	if err := p.Read("x.if", "\nerrprint(__program__:__file__:__line__: careful\n)m4exit(1) gone"); err != nil {
		t.Fatal(err)
	}
	out := p.Output()
	if got := p.Messages(); !slices.Equal(got, []string{"m4:x.if:2: careful"}) || out != "\n" || !p.Exited() {
		t.Errorf("%q, %q, %v", got, out, p.Exited())
	}
}

func FuzzRead(f *testing.F) {
	for _, p := range programs() {
		f.Add(p.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := m4.New(m4.Limits{Output: 1 << 16, Expansions: 1000, Work: 1 << 18, Depth: 20})
		err := p.Read("file", in)
		var e *m4.Error
		if err != nil && (!errors.As(err, &e) || e.Line < 1) {
			t.Fatalf("%T %v", err, err)
		}
		out := p.Output()
		if len(out) > 1<<16 {
			t.Fatal("too long")
		}
		// What holds no macro, quote or comment stays as it is.
		if err == nil && !strings.ContainsAny(in, "`'#,()_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") && out != in {
			t.Fatalf("%q became %q", in, out)
		}
	})
}
