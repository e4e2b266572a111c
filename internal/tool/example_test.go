package tool_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/internal/tool/tooltest"
)

func Example() {
	var r tool.Runner = tooltest.Func(func(_ context.Context, c tool.Command) (tool.Result, error) {
		return tool.Result{}, &tool.Error{Args: c.Args, ExitCode: 1, Stderr: []byte("noise\nValueError: bad\n"), Err: tool.ErrExit}
	}) // or tool.Exec{}
	_, err := r.Run(context.Background(), tool.Command{Args: []string{"semanage", "import"}, Stdin: []byte("port -a -t http_port_t -p tcp 5601\n")})
	fmt.Println(err)
	fmt.Println(errors.Is(err, tool.ErrExit), errors.Is(err, fs.ErrNotExist))
	// Output:
	// semanage import: exit status 1: noise; ValueError: bad
	// true false
}
