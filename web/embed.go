// Package web holds the built web app, so that the server is one file.
//
// The app is built into the folder dist by "npm run build" in this folder. A checkout carries only a placeholder
// there: a binary built from it serves no app, and says so.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// Dist is the built app, rooted at dist: index.html, and under assets the files whose names carry a hash of their
// content. It has no index.html when the app was not built.
var Dist fs.FS = dist()

// dist cannot fail in a program that compiled: the folder is a constant, and embedding it is checked by the compiler.
func dist() fs.FS {
	sub, err := fs.Sub(files, "dist")
	if err != nil {
		panic("web: " + err.Error())
	}
	return sub
}
