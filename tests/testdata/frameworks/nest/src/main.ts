import 'reflect-metadata'
import { Controller, Get, Injectable, Module, Sse, type MessageEvent } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { interval, map, startWith, type Observable } from 'rxjs'

@Injectable()
class Greeting {
  html(): string {
    return `<h1>Hello from NestJS</h1><p>${process.env.HOSTNAME} ${process.version}</p>`
  }
}

@Controller()
class AppController {
  private readonly greeting: Greeting
  constructor(greeting: Greeting) {
    this.greeting = greeting
  }

  @Get()
  page(): string {
    return this.greeting.html()
  }

  @Sse('ticks')
  ticks(): Observable<MessageEvent> {
    return interval(100).pipe(
      startWith(0),
      map((count) => ({ data: String(count) })),
    )
  }
}

@Module({ controllers: [AppController], providers: [Greeting] })
class AppModule {}

const app = await NestFactory.create(AppModule)
await app.listen(3000)
