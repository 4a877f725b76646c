// Package train is what "crease train" and "crease sample" run: tasks, which are
// data, models and the settings that train them well.
//
// [Run] settles the options, makes the [Task]'s run, and gives it to the loop of
// the public package train, which programs use too. A task is added by one file
// with a [Task] and its line in Tasks.
package train
