//go:build !linux

package managed

import "os"

func exchangeAtOnce(*os.Root, string, string) error { return errNoExchange }
