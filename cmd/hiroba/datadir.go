package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// probeBytes is how much must fit into the data folder at the start: more than all that is kept there for a certificate.
const probeBytes = 32 << 10

// openDataDir returns the folder of --data-dir, made if it was missing, and known to take files.
func (c *Config) openDataDir() (string, error) {
	folder, err := c.dataDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", dataDirError(folder, err)
	}
	if err := probe(folder); err != nil {
		return "", dataDirError(folder, err)
	}
	return folder, nil
}

// dataDir is the folder of --data-dir, or the one that this system has for what programs keep.
func (c *Config) dataDir() (string, error) {
	if c.DataDir != "" {
		folder, err := filepath.Abs(c.DataDir)
		if err != nil {
			return "", badSetting("data-dir", "%v", err)
		}
		return folder, nil
	}
	// systemd names it to units that ask for one with StateDirectory=.
	if folder, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); filepath.IsAbs(folder) {
		return folder, nil
	}
	if folder := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "hiroba"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", badSetting("data-dir", "this user has no home folder; name a folder that the server may write to")
	}
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(home, "AppData", "Local", "Hiroba"), nil
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "Hiroba"), nil
	default:
		return filepath.Join(home, ".local", "state", "hiroba"), nil
	}
}

// probe writes a file and removes it, to learn at the start what would else be learnt when a certificate is renewed.
func probe(folder string) error {
	file, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(make([]byte, probeBytes))
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// dataDirError says what to do about a folder that cannot be written.
func dataDirError(folder string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return badSetting("data-dir", "the disk of %s is full; free some space, or choose another folder", folder)
	case errors.Is(err, syscall.EROFS):
		return badSetting("data-dir", "%s is on a file system that can only be read; choose another folder, in a container one "+
			"on a volume", folder)
	case errors.Is(err, fs.ErrPermission):
		return badSetting("data-dir", "not allowed to write to %s; let the user that runs this server own it, or choose another "+
			"folder", folder)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EEXIST):
		return badSetting("data-dir", "%s is not a folder, or below a file; choose another one", folder)
	case errors.Is(err, syscall.EFBIG):
		return badSetting("data-dir", "this process may not write files of %d KB to %s; raise its limit (ulimit -f)",
			probeBytes>>10, folder)
	default:
		return badSetting("data-dir", "cannot write to %s: %v", folder, err)
	}
}
