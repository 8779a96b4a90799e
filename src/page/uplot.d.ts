// Types of ./uplot.js, which the process serves from the package uplot, because a browser
// finds no packages.
export { default } from 'uplot'
