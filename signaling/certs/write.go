package certs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeFile replaces a file as a whole, readable by nobody else: after a crash or on a full disk the former one is there.
func writeFile(name string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".new-*") // has mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first fault is what counts
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
