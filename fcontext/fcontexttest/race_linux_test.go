package fcontexttest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/fcontext"
)

const (
	raceSpecs  = "/.* system_u:object_r:default_t:s0\n/home(/.*)? system_u:object_r:user_home_t:s0\n"
	victimHas  = "system_u:object_r:shadow_t:s0"
	startsWith = "unconfined_u:object_r:tmp_t:s0"
)

// arena is a tree with a user's directory, /home/u/d with files, and a victim,
// /victim, with files of the same names.
type arena struct {
	dir    string
	victim []string
}

func newArena(t *testing.T) arena {
	a := arena{dir: t.TempDir()}
	requireXattrs(t, a.dir)
	for _, d := range []string{"home/u/d/sub", "victim/sub"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(a.dir, "home/u"), 0o777); err != nil {
		t.Fatal(err)
	}
	a.victim = []string{a.path("victim"), a.path("victim/sub")}
	for i := range 20 {
		for _, d := range []string{"victim", "victim/sub"} {
			p := a.path(fmt.Sprintf("%s/f%d", d, i))
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			a.victim = append(a.victim, p)
		}
	}
	for _, p := range a.victim {
		if err := unix.Lsetxattr(p, "security.selinux", []byte(victimHas+"\x00"), 0); err != nil {
			t.Fatal(err)
		}
	}
	a.reset()
	return a
}

func (a arena) path(p string) string { return filepath.Join(a.dir, p) }

// reset gives the user's files, as far as they are there, contexts to change.
func (a arena) reset() {
	for i := range 20 {
		for _, d := range []string{"home/u/d", "home/u/d/sub"} {
			p := a.path(fmt.Sprintf("%s/f%d", d, i))
			if f, err := os.OpenFile(p, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600); err == nil {
				unix.Fsetxattr(int(f.Fd()), "security.selinux", []byte(startsWith+"\x00"), 0)
				f.Close()
			}
		}
	}
}

// attack runs relabelling again and again while the attacker does, and looks at
// the victim.
func (a arena) attack(t *testing.T, attacker func(n int)) {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(raceSpecs)}, fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("takes a second")
	}
	tree := openTree(t, a.dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	done := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			attacker(n)
		}
		done <- n
	}()
	runs, changed, failed := 0, 0, 0
	for ctx.Err() == nil {
		opts := fcontext.RelabelOptions{Recursive: true, Reset: fcontext.ResetAll}
		// Without ctx: a run is not to be cut short.
		res, err := fcontext.Relabel(context.Background(), tree, db, []string{"/home/u"}, opts)
		if err != nil {
			t.Error(err)
			break
		}
		runs, changed, failed = runs+1, changed+len(res.Changed), failed+len(res.Errors)
	}
	cancel()
	attacks := <-done
	for _, p := range a.victim {
		if has, err := getContext(p); has != victimHas {
			t.Errorf("%s has %q (%v)", p, has, err)
		}
	}
	t.Logf("%d attacks, %d runs with %d changes and %d refused", attacks, runs, changed, failed)
	if changed == 0 || attacks == 0 {
		t.Error("nothing was tried")
	}
}

// A directory is exchanged for a symbolic link to the victim's, and back.
func TestRaceSymlink(t *testing.T) {
	a := newArena(t)
	d, away, link := a.path("home/u/d"), a.path("home/u/away"), a.path("home/u/link")
	if err := os.Symlink(a.path("victim"), link); err != nil {
		t.Fatal(err)
	}
	a.attack(t, func(n int) {
		if n%2 == 0 {
			os.Rename(d, away)
			os.Rename(link, d)
		} else {
			os.Rename(d, link)
			os.Rename(away, d)
			a.reset()
		}
	})
}

// The two are exchanged at once, so that there is always something to walk.
func TestRaceExchange(t *testing.T) {
	a := newArena(t)
	d, link := a.path("home/u/d/sub"), a.path("home/u/d/link")
	if err := os.Symlink(a.path("victim/sub"), link); err != nil {
		t.Fatal(err)
	}
	a.attack(t, func(n int) {
		if err := unix.Renameat2(unix.AT_FDCWD, d, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE); err != nil {
			t.Skip(err)
		}
		if n%2 == 1 {
			a.reset()
		}
	})
}

// A file is exchanged for another name of a victim's (a hard link) or for a
// symbolic link to it.
func TestRaceHardLink(t *testing.T) {
	a := newArena(t)
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("f%d", i)
	}
	a.attack(t, func(n int) {
		name := names[n%len(names)]
		mine, tmp := a.path("home/u/d/"+name), a.path("home/u/tmp")
		switch n / len(names) % 3 {
		case 0:
			os.Link(a.path("victim/"+name), tmp)
			os.Rename(tmp, mine)
		case 1:
			os.Symlink(a.path("victim/"+name), tmp)
			os.Rename(tmp, mine)
		case 2:
			os.Remove(mine)
			a.reset()
		}
	})
}
