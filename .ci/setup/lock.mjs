// One set-up at a time in a clone. The lock is a file with the owner's pid and start time; the next
// set-up removes the file if that process has ended. The start time is needed because pids are
// reused.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SetupError } from './step.mjs'

const pollMs = 200
/** A first set-up compiles for minutes on a small machine; after an hour it must have hung. */
const waitMaxMs = 60 * 60 * 1000

export async function withLock (path, work, { log = console.error } = {}) {
  mkdirSync(dirname(path), { recursive: true })
  const own = `${path}.${process.pid}`
  writeFileSync(own, identityOf(process.pid))
  try {
    await acquire(path, own, log)
  } finally {
    rmSync(own, { force: true })
  }
  const release = () => rmSync(path, { force: true })
  process.on('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

async function acquire (path, own, log) {
  const giveUpAt = performance.now() + waitMaxMs
  let told = false
  while (!tryLink(own, path)) {
    const holder = readOwner(path)
    if (holder === undefined) continue
    if (!isAlive(holder)) {
      takeAway(path, holder, own)
      continue
    }
    if (!told) log(`longhaul: another set-up (pid ${pidOf(holder)}) is at work; waiting for it`)
    told = true
    if (performance.now() > giveUpAt) {
      throw new SetupError(`pid ${pidOf(holder)} has held ${path} for an hour`, {
        wayOut: `look at that process; if it hangs, kill ${pidOf(holder)} and start again`
      })
    }
    await sleep(pollMs)
  }
}

/** A hard link appears at once and with its content, so no process reads a half-written owner. */
function tryLink (own, path) {
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/**
 * Removes the lock of an owner that has ended. Two processes may both have seen that owner, and the
 * slower one would remove the new lock of the faster one: so the lock is moved aside, read, and
 * restored if it belongs to another owner.
 */
function takeAway (path, deadOwner, own) {
  const aside = `${own}.aside`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  if (readOwner(aside) !== deadOwner) tryLink(aside, path)
  rmSync(aside, { force: true })
}

function readOwner (path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function pidOf (owner) {
  return Number(owner.split(' ')[0])
}

export function isAlive (owner) {
  const pid = pidOf(owner)
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
  return identityOf(pid) === owner
}

/** "pid startTime"; without /proc only the pid. */
export function identityOf (pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Field 22, counted after the command name, which may contain blanks and brackets.
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return `${pid} -`
  }
}
