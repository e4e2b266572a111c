package managed

import (
	"errors"
	"os"
)

// errNoExchange says that the system can't exchange two names at once.
var errNoExchange = errors.New("no exchange of names")

// exchange makes two names of a directory each other's. Where the system can't
// do it at once, whoever is killed in between leaves neither name a.
func exchange(dir *os.Root, a, b string) error {
	err := exchangeAtOnce(dir, a, b)
	if !errors.Is(err, errNoExchange) {
		return err
	}
	aside := b + ".old"
	if err := dir.RemoveAll(aside); err != nil {
		return err
	}
	if err := dir.Rename(a, aside); err != nil {
		return err
	}
	if err := dir.Rename(b, a); err != nil {
		return errors.Join(err, dir.Rename(aside, a))
	}
	return dir.Rename(aside, b)
}
