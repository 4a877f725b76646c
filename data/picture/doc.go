// Package picture draws labelled points of 3-space: one panel per cloud, side by
// side, each turned so that its classes lie as far apart as they can (the plane of
// its first two linear discriminants), in colours that colour-blind people can
// tell apart.
package picture
