package fcontext

import (
	"testing"
	"testing/fstest"
)

func TestInstalledOrder(t *testing.T) {
	library := func(versions ...string) *fstest.MapFile {
		data := "\x7fELF\x00libselinux.so.1"
		for _, v := range versions {
			data += "\x00LIBSELINUX_" + v
		}
		return &fstest.MapFile{Data: []byte(data + "\x00")}
	}
	for _, tt := range []struct {
		root fstest.MapFS
		want Order
	}{
		{fstest.MapFS{}, OrderNewest},
		{fstest.MapFS{"usr/lib/x86_64-linux-gnu/libselinux.so.1": library("1.0", "3.4")}, Order34},
		{fstest.MapFS{"usr/lib64/libselinux.so.1": library("1.0", "3.4", "3.5", "3.8")}, Order38},
		{fstest.MapFS{"lib64/libselinux.so.1": library("1.0", "3.4", "3.5", "3.8", "3.9", "3.10")}, OrderNewest},
		{fstest.MapFS{"usr/lib/a/libselinux.so.1": {Data: []byte("?")}, "usr/lib/b/libselinux.so.1": library("1.0")}, Order34},
	} {
		if got := InstalledOrder(tt.root); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.root, got, tt.want)
		}
	}
}

// TestOrder38 is where 3.8 parts from the others: compare_literal_spec and
// selabel_subs_init of 3.8.1 against those of 3.9, and of 3.4.
func TestOrder38(t *testing.T) {
	files := fstest.MapFS{
		"file_contexts":       {Data: []byte("/a " + ctx("policy_t") + "\n/b " + ctx("all_t") + "\n/b -- " + ctx("file_t") + "\n/x/.* " + ctx("x_t") + "\n/y/.* " + ctx("y_t") + "\n")},
		"file_contexts.local": {Data: []byte("/a " + ctx("local_t") + "\n/b -d " + ctx("dir_t") + "\n")},
		"file_contexts.subs":  {Data: []byte("/s /x\n/s/y /y\n")},
	}
	for order, types := range map[Order][4]string{
		Order38:     {"policy_t", "file_t", "dir_t", "x_t"},
		OrderNewest: {"local_t", "all_t", "dir_t", "y_t"},
		Order34:     {"local_t", "file_t", "dir_t", "y_t"},
	} {
		db, err := OpenFS(files, ".", Options{Order: order})
		if err != nil {
			t.Fatal(err)
		}
		checkTypes(t, db, []question{{"/a", File, types[0]}, {"/b", File, types[1]}, {"/b", Dir, types[2]}, {"/s/y/z", File, types[3]}})
		if got := db.Local().Equivalences; len(got) != 2 || got[0].Target != "/s" {
			t.Errorf("%v: equivalences %v", order, got)
		}
	}
}
