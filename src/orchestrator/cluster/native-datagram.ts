// The one way to send a datagram to a Unix socket, which Node.js lacks.
export { sendDatagram } from '../../dataplane/index.ts'
