// Uploads. `fetch` tells nothing of the progress of what it sends; XMLHttpRequest does.

import { ApiError, endedSession, errorOf } from './http'
import type { FileInfo } from './types'

export interface Upload {
  readonly done: Promise<FileInfo>
  /** The upload fails with code `aborted`. */
  abort(): void
}

/** Sends a file; `progress` is told the part that is on its way, 0 to 1. */
export function upload(file: Blob, name: string, progress: (part: number) => void): Upload {
  const call = new XMLHttpRequest()
  const done = new Promise<FileInfo>((resolve, reject) => {
    call.upload.onprogress = ({ loaded, total, lengthComputable }) => {
      if (lengthComputable && total > 0) progress(loaded / total)
    }
    call.onload = () => {
      const body: unknown = call.response
      if (call.status === 201) return resolve(body as FileInfo)
      const error = refusal(call.status, body)
      endedSession(error)
      reject(error)
    }
    call.onerror = () => reject(new ApiError(0, 'network', ''))
    call.onabort = () => reject(new ApiError(0, 'aborted', ''))
    call.open('POST', '/api/v1/files')
    call.responseType = 'json'
    call.setRequestHeader('Accept', 'application/json')
    const form = new FormData()
    form.append('file', file, name)
    call.send(form)
  })
  return { done, abort: () => call.abort() }
}

/** A proxy in front refuses in its own words, and says nothing but the status. */
function refusal(status: number, body: unknown): ApiError {
  const error = errorOf(status, body)
  if (status === 413) return new ApiError(status, 'file_too_large', error.message)
  return status === 502 || status === 504 ? new ApiError(status, 'unavailable', '') : error
}
