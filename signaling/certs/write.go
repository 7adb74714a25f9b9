package certs

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeFile replaces a file as a whole, readable by nobody else: after a crash or on a full disk the former one is there.
func writeFile(name string, data []byte) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".new-*") // has mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			temporary.Close()               //nolint:gosec // it is thrown away
			_ = os.Remove(temporary.Name()) // likewise
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	if _, err = temporary.Write(data); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
