package tooltest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/internal/tool/tooltest"
)

func TestScript(t *testing.T) {
	r := tooltest.New(t,
		tooltest.Step{Args: []string{"semanage", "import"}, Stdin: "x", Stdout: "y"},
		tooltest.Step{Args: []string{"semodule", "-lfull"}},
		tooltest.Step{Args: []string{"semodule", "-B"}, ExitCode: 1, Stderr: "why"},
		tooltest.Step{Args: []string{"semodule", "-B"}, Err: context.DeadlineExceeded},
	).Tools("semanage", "semodule")
	ctx := t.Context()
	if res, err := r.Run(ctx, tool.Command{Args: []string{"semanage", "import"}, Stdin: []byte("x")}); err != nil || string(res.Stdout) != "y" {
		t.Error(res, err)
	}
	if _, err := r.Run(ctx, tool.Command{Args: []string{"semodule", "-lfull"}, MustPrint: true}); !errors.Is(err, tool.ErrNoOutput) {
		t.Error(err)
	}
	build := tool.Command{Args: []string{"semodule", "-B"}}
	if _, err := r.Run(ctx, build); !errors.Is(err, tool.ErrExit) || err.Error() != "semodule -B: exit status 1: why" {
		t.Error(err)
	}
	if _, err := r.Run(ctx, build); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := r.Find("setsebool"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := r.Run(ctx, tool.Command{Args: []string{"setsebool"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func Example() {
	// In a test: r := tooltest.New(t, tooltest.Step{...}).
	r := tooltest.Func(func(_ context.Context, c tool.Command) (tool.Result, error) {
		return tool.Result{Stdout: []byte("ran " + c.String())}, nil
	})
	res, err := r.Run(context.Background(), tool.Command{Args: []string{"semodule", "-B"}})
	fmt.Println(string(res.Stdout), err)
	// Output: ran semodule -B <nil>
}
