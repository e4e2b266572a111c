package infiniband

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"

	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/port"
)

// Store is the local records of a managed store, without libsemanage.
type Store struct{ m *managed.Store }

// OpenStore finds the store of a policy type in a root file system, for reading
// alone, as [port.OpenStore] does.
func OpenStore(root fs.FS, policyType string) (*Store, error) {
	return newStore(managed.OpenFS(root, policyType))
}

// OpenRoot finds the store of a policy type below the root directory of a
// machine, to read and to write, as [port.OpenRoot] does.
func OpenRoot(dir, policyType string) (*Store, error) {
	return newStore(managed.Open(dir, policyType))
}

func newStore(m *managed.Store, err error) (*Store, error) {
	if err != nil {
		return nil, opError("open", Key{}, err)
	}
	return &Store{m}, nil
}

// Local returns the local records: partition keys, then end ports, each in the
// order of the store.
func (s *Store) Local(ctx context.Context) ([]Record, error) {
	var out []Record
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data, err := s.m.ReadFile(f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		records, err := f.parse(s.m.Path(f.name), data)
		if err != nil {
			return nil, err
		}
		out = append(out, records...)
	}
	return out, nil
}

// Commit makes all the changes in one transaction, as libsemanage does, or none
// and returns an error, as [port.Store.Commit] does.
func (s *Store) Commit(ctx context.Context, changes ...Change) error {
	var edits []managed.Edit
	for name, apply := range ApplyFiles(s.m.Path, changes...) {
		edits = append(edits, managed.Edit{Name: name, Change: apply})
	}
	return s.m.Commit(ctx, edits...)
}

// files are the store's files of local records.
var files = []struct {
	name   string
	pkeys  bool
	parse  func(name string, data []byte) ([]Record, error)
	format func([]Record) []byte
}{
	{managed.PkeysFile, true, parsePkeys, formatPkeys},
	{managed.EndportsFile, false, parseEndports, formatEndports},
}

// ApplyFiles yields the store's files that changes are of, with what makes the
// changes in a file's contents, as [Apply] does; path is how errors call a file.
func ApplyFiles(path func(name string) string, changes ...Change) iter.Seq2[string, func(old []byte) ([]byte, error)] {
	return func(yield func(string, func([]byte) ([]byte, error)) bool) {
		for _, f := range files {
			of := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
				return c.Op == port.Nothing || c.Key.OfPkeys() != f.pkeys
			})
			apply := func(old []byte) ([]byte, error) {
				records, err := f.parse(path(f.name), old)
				if err == nil {
					records, err = Apply(records, of...)
				}
				if err != nil {
					return nil, err
				}
				return f.format(records), nil
			}
			if len(of) > 0 && !yield(f.name, apply) {
				return
			}
		}
	}
}

func parsePkeys(name string, data []byte) ([]Record, error) {
	pkeys, err := managed.ParsePkeys(name, data)
	var out []Record
	for _, p := range pkeys {
		out = append(out, Record{Pkeys(p.Subnet, p.Low, p.High), p.Context})
	}
	return out, parseError(err)
}

func formatPkeys(records []Record) []byte {
	out := make([]managed.Pkey, len(records))
	for i, r := range records {
		out[i] = managed.Pkey{Subnet: r.Subnet, Low: r.Low, High: r.High, Context: r.Context}
	}
	return managed.FormatPkeys(out)
}

func parseEndports(name string, data []byte) ([]Record, error) {
	endports, err := managed.ParseEndports(name, data)
	var out []Record
	for _, e := range endports {
		out = append(out, Record{Endport(e.Device, e.Port), e.Context})
	}
	return out, parseError(err)
}

func formatEndports(records []Record) []byte {
	out := make([]managed.Endport, len(records))
	for i, r := range records {
		out[i] = managed.Endport{Device: r.Device, Port: uint8(r.Low), Context: r.Context}
	}
	return managed.FormatEndports(out)
}

// parseError makes the store's error the one that callers can see.
func parseError(err error) error {
	var pe *managed.ParseError
	if errors.As(err, &pe) {
		return (*port.ParseError)(pe)
	}
	return err
}
